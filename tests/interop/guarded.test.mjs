// Genuine npm clients through a guarded server: `wss://` with a certificate of its own, and a token in the URL, which is all
// that such a client is given.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { accountOf, closeAll, load, newClient, synced, until } from "./support/client.mjs";
import { Server } from "./support/server.mjs";

const folder = mkdtempSync(join(tmpdir(), "pleione-guarded-"));
const [certificate, key] = ["certificate.pem", "key.pem"].map((name) => join(folder, name));
let server;
let trusting;

before(async () => {
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
  const named = ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", certificate];
  execFileSync("openssl", [...made, ...named], { stdio: "ignore" });
  trusting = { ca: readFileSync(certificate) };
  server = new Server({ TLS_CERT: certificate, TLS_KEY: key, SYNC_MAIA_AUTH: "token" });
  // The first token brings the key that the server is to trust.
  server.token("new");
  await server.start();
});

after(async () => {
  await closeAll();
  assert.equal(await server.stop(), 0);
  rmSync(folder, { recursive: true });
});

test("two clients with a token each see each other's changes over wss", async () => {
  const [alice, bob] = await Promise.all(
    ["Alice", "Bob"].map((name) => newClient(`${server.url}?token=${server.token("new", "--name", name)}`, name, trusting)),
  );
  const group = alice.createGroup();
  group.addMember(await load(alice, accountOf(bob)), "writer");
  const map = group.createMap({ title: "milk" });
  await synced(group, map);
  const bobs = await load(bob, map.id);
  await until(() => bobs.toJSON(), { title: "milk" });
  bobs.set("done", true);
  await until(() => map.toJSON(), { title: "milk", done: true });
});

test("without a token the handshake is refused with 401", async () => {
  const socket = new WebSocket(server.url, trusting);
  const [error] = await once(socket, "error");
  assert.match(error.message, /401/);
});
