// Owns the reference: npm's cojson with one of its cryptos, doing what `src/measure.rs` has our client do.
// `node npm-client.mjs napi|wasm SCENARIO COUNT [PORT]` prints one line of JSON.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { LocalNode } from "cojson";
import { createWebSocketPeer } from "cojson-transport-ws";
import WebSocket from "ws";
import { workedSeconds } from "./clock.mjs";

const [kind, scenario, countText, port] = process.argv.slice(2);
const count = Number(countText);
const crypto = await (kind === "napi"
  ? import("cojson/crypto/NapiCrypto").then(({ NapiCrypto }) => NapiCrypto.create())
  : import("cojson/crypto/WasmCrypto").then(({ WasmCrypto }) => WasmCrypto.create()));

const secondsSince = (begun) => (performance.now() - begun) / 1000;

async function newNode(options = {}) {
  const { node } = await LocalNode.withNewlyCreatedAccount({ creationProps: { name: "bench" }, crypto, ...options });
  return node;
}

function online() {
  const websocket = new WebSocket(`ws://127.0.0.1:${port}/sync`);
  websocket.on("error", () => {});
  return newNode({ peers: [createWebSocketPeer({ id: "server", role: "server", websocket, batchingByDefault: true, expectPings: false })] });
}

const makers = { distinct: "createMap", same: "createMap", push: "createStream", append: "createList" };

function create(node, work) {
  const group = node.createGroup();
  group.addMember("everyone", "reader");
  return group[makers[work]]();
}

function work(how, value, times) {
  for (let index = 0; index < times; index += 1) {
    const item = `value ${index}`;
    if (how === "distinct") value.set(`key ${index}`, item);
    else if (how === "same") value.set("key", item);
    else if (how === "push") value.push(item);
    else value.append(item);
  }
}

async function write() {
  const value = create(await newNode(), scenario);
  const begun = workedSeconds();
  work(scenario, value, count);
  await setImmediate();
  return { seconds: workedSeconds() - begun };
}

const shown = (map) => Object.keys(map.latest).length;

async function until(isDone, value) {
  if (isDone()) return;
  await new Promise((resolve) => {
    const stop = value.core.subscribe(() => {
      if (!isDone()) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}

async function transfer() {
  const writer = await online();
  await writer.expectCurrentAccount("bench").core.waitForSync({ timeout: 60_000 });
  let begun = performance.now();
  const map = create(writer, "distinct");
  work("distinct", map, count);
  await map.core.waitForSync({ timeout: 120_000 });
  const upload = secondsSince(begun);
  const reader = await online();
  await reader.expectCurrentAccount("bench").core.waitForSync({ timeout: 60_000 });
  begun = performance.now();
  const copy = await reader.load(map.id);
  await until(() => shown(copy) === count, copy);
  return { upload, download: secondsSince(begun) };
}

async function live() {
  const [writer, reader] = [await online(), await online()];
  const map = create(writer, "same");
  work("same", map, 1);
  await map.core.waitForSync({ timeout: 60_000 });
  const copy = await reader.load(map.id);
  const times = [];
  for (let round = 0; round < count; round += 1) {
    const begun = performance.now();
    map.set(`key ${round}`, "now");
    await until(() => copy.get(`key ${round}`) !== undefined, copy);
    times.push(performance.now() - begun);
    await map.core.waitForSync({ timeout: 60_000 });
  }
  times.sort((a, b) => a - b);
  return { p50: times[Math.floor(count * 0.5)], p95: times[Math.floor(count * 0.95)] };
}

/** A value that grew long, from the SQLite file in which the reference keeps it. */
async function open() {
  const { getSqliteStorage } = await import(join(import.meta.dirname, "node_modules/cojson/dist/storage/sqlite/index.js"));
  const Database = createRequire(import.meta.url)("libsql");
  const folder = mkdtempSync(join(tmpdir(), "bench-data-"));
  const storage = () => getSqliteStorage(new Driver(new Database(join(folder, "data.db"))));
  const writer = await newNode({ storage: storage() });
  const map = create(writer, "distinct");
  for (let done = 0; done < count; done += 1_000) {
    for (let index = done; index < Math.min(count, done + 1_000); index += 1) map.set(`key ${index}`, `value ${index}`);
    await setImmediate();
  }
  await map.core.waitForSync({ timeout: 300_000 });
  await writer.gracefulShutdown();
  const reader = await newNode({ storage: storage() });
  const begun = workedSeconds();
  const copy = await reader.load(map.id);
  await until(() => shown(copy) === count, copy);
  const seconds = workedSeconds() - begun;
  await reader.gracefulShutdown();
  rmSync(folder, { recursive: true });
  return { seconds };
}

/** What cojson asks of an SQLite library. */
class Driver {
  constructor(database) {
    this.database = database;
    database.pragma("journal_mode = WAL");
  }

  run = (sql, params) => void this.database.prepare(sql).run(params);
  query = (sql, params) => this.database.prepare(sql).all(params);
  get = (sql, params) => this.database.prepare(sql).get(params);
  closeDb = () => this.database.close();

  transaction(callback) {
    this.run("BEGIN", []);
    callback();
    this.run("COMMIT", []);
  }
}

async function memory() {
  const node = await newNode();
  const before = process.memoryUsage.rss();
  const group = node.createGroup();
  for (let index = 0; index < 1_000; index += 1) group.createMap().set("key", `value ${index}`);
  for (const [how, times] of [["distinct", 20_000], ["same", 10_000], ["push", 10_000], ["append", 2_000]]) {
    work(how, create(node, how), times);
    await setImmediate();
  }
  const resident = process.memoryUsage.rss();
  return { resident, grown: resident - before };
}

const figures = await ({ transfer, live, open, memory }[scenario] ?? write)();
console.log(JSON.stringify(figures));
process.exit(0);
