// Owns `npm run bench:server`: measures our server beside npm's cojson in memory, with traffic recorded from genuine
// clients in the same run, prints a table, writes bench/server/results.json, and holds the targets. `--short` measures
// less of the same, writes nothing, and holds the targets with slack. The last line is `N passed, N failed`.
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { conclude } from "../conclude.mjs";
import { fanIn, fanOut, idle } from "./scenarios.mjs";
import { printTable } from "./table.mjs";
import { shortTargetsOf, targetsOf } from "./targets.mjs";

const isShort = process.argv.includes("--short");
const scale = isShort
  ? { fanIn: { clients: 20, transactions: 200, repetitions: 1 }, burst: 50, idle: 500, fanOut: { readers: 100, changes: 30, everyMs: 50 } }
  : { fanIn: { clients: 20, transactions: 2000, repetitions: 3 }, burst: 50, idle: 5000, fanOut: { readers: 1000, changes: 100, everyMs: 100 } };

async function told(what, work) {
  const begun = performance.now();
  const result = await work();
  console.log(`measured: ${what}  (${((performance.now() - begun) / 1000).toFixed(1)} s)`);
  return result;
}

const results = {
  measured: new Date().toISOString().slice(0, 10),
  machine: { node: process.version, processors: `${cpus().length} × ${cpus()[0].model.trim()}` },
  live: await told("fan-in, a message for each transaction", () => fanIn(scale.fanIn, 1)),
  bursty: await told("fan-in, in bursts", () => fanIn(scale.fanIn, scale.burst)),
  fanOut: await told("fan-out", () => fanOut(scale.fanOut)),
  idle: await told("idle connections", () => idle(scale.idle)),
};
const targets = isShort ? shortTargetsOf(results) : targetsOf(results);
printTable(results);
conclude(results, targets, isShort ? undefined : fileURLToPath(new URL("results.json", import.meta.url)));
