// Owns `npm run bench`: measures the demo and the engine in Chromium with the real server, prints a table, writes
// bench/results.json, and holds the targets. `--short` measures the same with few repetitions, writes nothing, and holds
// only what these can tell. The last line is `N passed, N failed`, counting targets.
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { openBrowser } from "../tests/e2e/support/browser.mjs";
import { conclude } from "./conclude.mjs";
import { measureClicks, measureOpening } from "./demo.mjs";
import { measureEngine } from "./engine.mjs";
import { measureSize } from "./size.mjs";
import { printTable } from "./table.mjs";
import { shortTargetsOf, targetsOf } from "./targets.mjs";

const isShort = process.argv.includes("--short");
const repetitions = isShort
  ? { clicks: 15, counted: 3, openings: 2, batches: 3, batch: 500, styles: 20 }
  : { clicks: 101, counted: 11, openings: 9, batches: 9, batch: 5000, styles: 100 };
const rowCounts = [2, 300, 1000];

async function measure(browser, version) {
  const clicks = {};
  for (const rows of rowCounts) clicks[rows] = await measureClicks(browser, rows, repetitions);
  return {
    measured: new Date().toISOString().slice(0, 10),
    machine: { browser: `Chromium ${version}`, processors: `${cpus().length} × ${cpus()[0].model.trim()}` },
    repetitions,
    clicks,
    opening: await measureOpening(browser, rowCounts.at(-1), repetitions),
    engine: await measureEngine(browser, repetitions),
    size: measureSize(),
  };
}

const browser = await openBrowser();
try {
  const results = await measure(browser, browser.version());
  const targets = isShort ? shortTargetsOf(results) : targetsOf(results);
  printTable(results);
  conclude(results, targets, isShort ? undefined : fileURLToPath(new URL("results.json", import.meta.url)));
} finally {
  await browser.close();
}
