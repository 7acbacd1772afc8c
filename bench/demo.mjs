// Measures the demo as it is served: from the event's dispatch to the changed DOM, what a click costs, and opening.
//
// Three times per kind of click. `dom`: to the first mutation of the list, as an observer sees it, with the wait for the
// frame. `frame`: to the start of the frame after it, when it is on the screen. `script`: without any wait for a frame
// (the event is handled, then `flush()`), which is what grows with the number of rows. Clicks come at a random moment
// between two frames, when nothing is under way. `steady`, of toggles: the same per click of many in a row, whose best
// tells how the work grows where the clock's resolution and what else the machine does would hide it.
import { fileURLToPath } from "node:url";
import { newDevice } from "../tests/e2e/support/browser.mjs";
import { pages, startServer } from "../tests/e2e/support/server.mjs";
import { openDemo } from "../tests/e2e/support/todos.mjs";
import { withScope } from "./scope.mjs";
import { median, summary } from "./statistics.mjs";

const probe = fileURLToPath(new URL("probe.js", import.meta.url));
const seedMsMax = 60_000;
const steadyRuns = 25;
const steadyInARow = 20;

async function openWithRows(scope, browser, rows) {
  const server = await startServer(scope, pages.demo);
  const device = await newDevice(scope, browser);
  device.setDefaultTimeout(seedMsMax);
  await device.addInitScript({ path: probe });
  const page = await openDemo(device, server);
  await page.evaluate((rows) => probe.seed(rows), rows);
  return page;
}

function summarize(runs) {
  const of = (key) => summary(runs.map((run) => run[key]));
  return { dom: of("dom"), frame: of("frame") };
}

/** Times and counts of creating and toggling with so many rows. */
export function measureClicks(browser, rows, { clicks, counted }) {
  return withScope(async (scope) => {
    const page = await openWithRows(scope, browser, rows);
    const result = {};
    const steady = summary(await page.evaluate(([count, inARow]) => probe.steady(count, inARow), [steadyRuns, steadyInARow]));
    for (const kind of ["toggle", "create"]) {
      await page.evaluate(([kind, count]) => probe.times(kind, count), [kind, 5]); // warm
      const times = await page.evaluate(([kind, count]) => probe.times(kind, count), [kind, clicks]);
      const scripts = await page.evaluate(([kind, count]) => probe.scripts(kind, count), [kind, clicks]);
      const counts = await page.evaluate(([kind, count]) => probe.counts(kind, count), [kind, counted]);
      result[kind] = { ...summarize(times), script: summary(scripts), ...countsOf(counts) };
    }
    result.toggle.steady = steady;
    return result;
  });
}

function countsOf(counts) {
  const of = (key) => median(counts.map((count) => count[key]));
  return { transactions: of("transactions"), storageWrites: of("storageWrites"), renders: of("renders") };
}

/** From the start of the navigation until every row is in the DOM, on a device that has them. */
export function measureOpening(browser, rows, { openings }) {
  return withScope(async (scope) => {
    const page = await openWithRows(scope, browser, rows);
    const times = [];
    for (let turn = 0; turn < openings; turn += 1) {
      await page.evaluate(() => pleione.runtime.settled());
      await page.reload();
      times.push(await page.evaluate((rows) => probe.opened(rows), rows));
    }
    return { rows, ...summary(times) };
  });
}
