// Owns what is measured: each scenario hands back figures and judges nothing.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../statistics.mjs";
import { load, record, startNpm, startOurs, whileIdle } from "./processes.mjs";

const settleMs = 2000;

async function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), "pleione-bench-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withServer(start, work) {
  const server = await start();
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

const fanInOnce = (start, folder) =>
  withServer(start, async (server) => {
    const cpuBefore = server.cpuMs();
    const { transactions, seconds } = await load("fan-in", server.port, folder);
    return { seconds, perSecond: transactions / seconds, cpuMs: server.cpuMs() - cpuBefore, peakBytes: server.peakBytes() };
  });

const medians = (runs) => Object.fromEntries(Object.keys(runs[0]).map((key) => [key, median(runs.map((run) => run[key]))]));

/** Many writers at once, recorded from genuine clients: our server on its disk beside the reference in memory. */
export const fanIn = ({ clients, transactions, repetitions }, perMessage) =>
  inFolder(async (folder) => {
    await record(folder, clients, transactions, perMessage);
    const [ours, npm] = [[], []];
    for (let run = 0; run < repetitions; run += 1) {
      ours.push(await fanInOnce(startOurs, folder));
      npm.push(await fanInOnce(startNpm, folder));
    }
    return { clients, transactions: clients * transactions, perMessage, ours: medians(ours), npm: medians(npm) };
  });

const idleOn = (start, connections) =>
  withServer(start, async (server) => {
    const before = server.residentBytes();
    const held = await whileIdle(server.port, connections, async () => {
      await sleep(settleMs);
      return server.residentBytes();
    });
    return Math.round((held - before) / connections);
  });

/** What a connection costs that says nothing. */
export const idle = async (connections) => ({
  connections,
  bytesEach: { ours: await idleOn(startOurs, connections), npm: await idleOn(startNpm, connections) },
});

/** How long a change takes to each of many readers. */
export const fanOut = ({ readers, changes, everyMs }) =>
  inFolder(async (folder) => {
    await record(folder, 1, changes + 10, 1);
    const once = (start) =>
      withServer(start, ({ port }) => load("fan-out", port, join(folder, "client-0.jsonl"), readers, changes, everyMs));
    return { readers, changes, everyMs, ours: await once(startOurs), npm: await once(startNpm) };
  });
