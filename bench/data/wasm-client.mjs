// Owns our client as WebAssembly in Node: what `src/measure.rs` does natively. `node wasm-client.mjs SCENARIO COUNT [PORT]` prints
// one line of JSON.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";
import { workedSeconds } from "./clock.mjs";

const { WasmClient } = createRequire(import.meta.url)("../../target/bench-data/bench_data.cjs");
const [scenario, countText, port] = process.argv.slice(2);
const count = Number(countText);
const secondsSince = (begun) => (performance.now() - begun) / 1000;
const newClient = (seed) => new WasmClient(seed, Date.now());
const types = { distinct: "comap", same: "comap", push: "costream", append: "colist" };

function write() {
  const client = newClient(1);
  const value = client.create(types[scenario]);
  const begun = workedSeconds();
  client.work(scenario, value, count);
  client.settle();
  return { seconds: workedSeconds() - begun };
}

/** A client with its socket. */
class Online {
  #waiting = [];

  static async open(seed) {
    const online = new Online();
    online.client = newClient(seed);
    online.socket = new WebSocket(`ws://127.0.0.1:${port}/sync`);
    await new Promise((resolve, reject) => online.socket.on("open", resolve).on("error", reject));
    online.socket.on("message", (frame) => {
      online.client.receive(frame);
      online.#tell();
      queueMicrotask(() => online.#goOn());
    });
    online.client.connect();
    await online.until(() => online.client.is_synced());
    return online;
  }

  /** As in the browser, who waits for what came is told first; storing and acknowledging it comes after. */
  #goOn() {
    this.client.settle();
    this.send();
    this.#tell();
  }

  #tell() {
    this.#waiting = this.#waiting.filter(({ isDone, resolve }) => !isDone() || resolve());
  }

  send() {
    for (const frame of this.client.take_outgoing()) this.socket.send(frame);
  }

  until(isDone) {
    this.send();
    if (isDone()) return;
    return new Promise((resolve) => this.#waiting.push({ isDone, resolve }));
  }
}

async function transfer() {
  const writer = await Online.open(1);
  let begun = performance.now();
  const value = writer.client.create("comap");
  writer.client.work("distinct", value, count);
  writer.client.settle();
  await writer.until(() => writer.client.is_synced());
  const upload = secondsSince(begun);
  const reader = await Online.open(2);
  begun = performance.now();
  reader.client.load(value);
  await reader.until(() => reader.client.shown(value) === count);
  return { upload, download: secondsSince(begun) };
}

async function live() {
  const [writer, reader] = [await Online.open(3), await Online.open(4)];
  const value = writer.client.create("comap");
  writer.client.work("same", value, 1);
  writer.client.settle();
  await writer.until(() => writer.client.is_synced());
  reader.client.load(value);
  await reader.until(() => reader.client.shown(value) === 1);
  const times = [];
  for (let round = 0; round < count; round += 1) {
    const wanted = `key ${round}`;
    const begun = performance.now();
    writer.client.set_text(value, wanted, "now");
    writer.client.settle();
    writer.send();
    await reader.until(() => reader.client.get(value, wanted) !== undefined);
    times.push(performance.now() - begun);
    await writer.until(() => writer.client.is_synced());
  }
  times.sort((a, b) => a - b);
  return { p50: times[Math.floor(count * 0.5)], p95: times[Math.floor(count * 0.95)] };
}

function open() {
  const writer = newClient(1);
  const value = writer.create("comap");
  writer.work("distinct", value, count);
  writer.settle();
  const ids = [writer.account(), writer.owner(value), value];
  const file = join(tmpdir(), `bench-data-${process.pid}`);
  writeFileSync(file, writer.stored_text(ids));
  writer.free();
  const reader = newClient(2);
  const begun = workedSeconds();
  reader.put_stored(readFileSync(file));
  for (const id of ids) reader.load(id);
  const shown = reader.shown(value);
  const seconds = workedSeconds() - begun;
  rmSync(file);
  if (shown !== count) throw new Error(`${shown} of ${count} are shown`);
  return { seconds };
}

function memory() {
  const before = process.memoryUsage.rss();
  const client = newClient(1);
  client.create_maps(1_000);
  for (const [how, times] of [["distinct", 20_000], ["same", 10_000], ["push", 10_000], ["append", 2_000]]) {
    client.work(how, client.create(types[how]), times);
    client.settle();
  }
  const resident = process.memoryUsage.rss();
  return { resident, grown: resident - before };
}

console.log(JSON.stringify(await ({ transfer, live, open, memory }[scenario] ?? write)()));
process.exit(0);
