// Owns `npm run bench:data`: measures our data layer beside npm's cojson in the same run, prints a table, writes
// bench/data/results.json, and holds the targets. `--short` measures less of the same, writes nothing, and holds bounds of
// its own. Arguments name scenarios; without any all are measured. The last line is `N passed, N failed`.
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { conclude } from "../conclude.mjs";
import { least, measure } from "./scenarios.mjs";
import { targetsOf } from "./targets.mjs";

const isShort = process.argv.includes("--short");
const named = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
const all = isShort
  ? [
      { scenario: "distinct", count: 2_000, repetitions: 1 },
      { scenario: "same", count: 2_000, repetitions: 1 },
      { scenario: "push", count: 2_000, repetitions: 1 },
      { scenario: "append", count: 4_000, repetitions: 1 },
      { scenario: "transfer", count: 2_000, repetitions: 3, isOnline: true, pick: least },
      { scenario: "live", count: 100, repetitions: 2, isOnline: true, pick: least },
    ]
  : [
      { scenario: "distinct", count: 10_000, repetitions: 5 },
      { scenario: "same", count: 10_000, repetitions: 3 },
      { scenario: "push", count: 10_000, repetitions: 3 },
      { scenario: "append", count: 10_000, repetitions: 3 },
      { scenario: "transfer", count: 10_000, repetitions: 3, isOnline: true },
      { scenario: "live", count: 1_000, repetitions: 3, isOnline: true },
      { scenario: "open", count: 100_000, repetitions: 1 },
      { scenario: "memory", count: 43_000, repetitions: 1 },
    ];
const units = { seconds: [1000, "ms"], upload: [1000, "ms"], download: [1000, "ms"], p50: [1, "ms"], p95: [1, "ms"], resident: [1e-6, "MB"], grown: [1e-6, "MB"] };
const line = (...cells) => console.log(cells.map((cell, index) => (index === 0 ? cell.padEnd(34) : cell.padStart(14))).join(""));

function print({ scenario, count, ...targets }) {
  for (const [target, { ours, npm }] of Object.entries(targets).filter(([, it]) => it.ours)) {
    for (const key of Object.keys(ours)) {
      const [scale, unit] = units[key];
      const figure = (value) => `${(value * scale).toFixed(1)} ${unit}`;
      line(`${scenario} ${count}, ${target}: ${key}`, figure(ours[key]), figure(npm[key]), `${(npm[key] / ours[key]).toFixed(1)}x`);
    }
  }
}

line("", "ours", "npm", "ratio");
const scenarios = [];
for (const scenario of all.filter(({ scenario }) => named.length === 0 || named.includes(scenario))) {
  const result = await measure(scenario);
  scenarios.push(result);
  print(result);
}
const machine = { node: process.version, processors: `${cpus().length} × ${cpus()[0].model.trim()}` };
const isWhole = !isShort && named.length === 0;
const results = { measured: new Date().toISOString().slice(0, 10), machine, scenarios };
conclude(results, targetsOf(scenarios, isShort), isWhole ? fileURLToPath(new URL("results.json", import.meta.url)) : undefined);
