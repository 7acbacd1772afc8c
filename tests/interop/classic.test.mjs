// A file that a genuine classic program made is imported, backed up and moved on; genuine clients read all of it from us.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { newClassicNode } from "./support/classic-store.mjs";
import { closeAll, credentialsOf, load, sameAccount, synced, until } from "./support/client.mjs";
import { Server, binary } from "./support/server.mjs";

const folder = mkdtempSync(join(tmpdir(), "pleione-classic-"));
const classic = join(folder, "classic.db");
let credentials;
let ids;
let expected;

const run = (...args) => execFileSync(binary, args, { env: { PATH: process.env.PATH }, stdio: ["ignore", "pipe", "inherit"] });
const shown = ({ map, list, stream }) => [map.toJSON(), list.toJSON(), Object.values(stream.items).flat().map((item) => item.value)];

before(async () => {
  const node = await newClassicNode(classic, "Alice");
  const [parent, group] = [node.createGroup(), node.createGroup()];
  group.extend(parent);
  const values = { map: group.createMap({ title: "milk" }), list: group.createList(["a", "b"]), stream: group.createStream() };
  for (let index = 0; index < 300; index += 1) values.map.set(`key ${index}`, index);
  for (let index = 0; index < 40; index += 1) values.map.set(`page ${index}`, "y".repeat(10_000));
  values.map.delete("title");
  values.list.append("c \u{1f600} \"quoted\"");
  values.stream.push("first");
  values.stream.push({ second: [1.5, null, true] });
  await Promise.all(Object.values(values).map((value) => value.core.waitForSync({ timeout: 10_000 })));
  credentials = credentialsOf(node);
  ids = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.id]));
  expected = shown(values);
  await node.gracefulShutdown();
});

after(async () => {
  await closeAll();
  rmSync(folder, { recursive: true });
});

/** A second device of the account reads everything from a server on this file, and writes on. */
async function servedFrom(file) {
  const server = await Server.start({ DB_PATH: file });
  const node = await sameAccount(server.url, credentials);
  const [map, list, stream] = await Promise.all([ids.map, ids.list, ids.stream].map((id) => load(node, id)));
  await until(() => shown({ map, list, stream }), expected, 20_000);
  map.set("by", file);
  await synced(map);
  assert.deepEqual(await server.refused(), {});
  await closeAll();
  await server.stop();
}

test("a classic file is imported, and left as it is", async () => {
  const before = readFileSync(classic);
  const file = join(folder, "imported.db");
  run("import", classic, "--db-path", file);
  run("import", classic, "--db-path", file);
  assert.deepEqual(readFileSync(classic), before);
  await servedFrom(file);
});

test("what was imported moves on by an export, and comes back from a backup", async () => {
  const [exported, moved, backup, restored] = ["logs.export", "moved.db", "backup.db", "restored.db"].map((name) => join(folder, name));
  run("export", exported, "--db-path", classic);
  run("import", exported, "--db-path", moved);
  run("backup", backup, "--db-path", moved);
  run("restore", backup, "--db-path", restored);
  await servedFrom(restored);
});

test("a classic file is served as it is", () => servedFrom(classic));
