// Owns `npm run bench:machines`: measures our actors in Chromium beside XState, robot3 and @xstate/store, and our machines as
// WebAssembly in Node beside XState, in one run; prints medians and ratios, writes bench/machines/results.json, and holds the
// targets. `--short` measures less of the same and writes nothing. The last line is `N passed, N failed`.
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { conclude } from "../conclude.mjs";
import { median } from "../statistics.mjs";
import { openBrowser } from "../../tests/e2e/support/browser.mjs";
import { measureAlone } from "./alone.mjs";
import { serve } from "./serve.mjs";
import { targetsOf } from "./targets.mjs";

const isShort = process.argv.includes("--short");
const rounds = isShort ? 2 : 7;
const share = isShort ? 0.1 : 1;
const inPage = { xstate: 50_000, xstateParallel: 20_000, robot: 100_000, store: 200_000, batch: 100_000, parallel: 50_000, oneByOne: 10_000, durable: 10_000 };
const alone = { events: 1_000_000 * share, evaluations: 1_000_000 * share, actors: 10_000, residents: 100_000 };

/** Milliseconds of the page's thread so far: processor time, which other programs on the machine do not change. */
async function threadMs(session) {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "ThreadTime").value * 1000;
}

/** Events a second of each, a round at a time. What waits for the disk is timed by the clock. */
async function measurePage() {
  const server = await serve();
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    await page.waitForFunction(() => globalThis.measure, undefined, { timeout: 60_000 });
    if (!(await page.evaluate(() => globalThis.measure.check()))) throw new Error("a batch does not lead where its events lead");
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const perSecond = Object.fromEntries(Object.keys(inPage).map((name) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, whole] of Object.entries(inPage)) {
        const count = Math.ceil(whole * share);
        const before = await threadMs(session);
        const clockMs = await page.evaluate(([name, count]) => globalThis.measure[name](count), [name, count]);
        const ms = name === "durable" ? clockMs : (await threadMs(session)) - before;
        perSecond[name].push((count / ms) * 1000);
      }
    }
    return { version: browser.version(), perSecond: mapped(perSecond, (figures) => Math.round(median(figures))) };
  } finally {
    await browser.close();
    server.close();
  }
}

const mapped = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));

function measureRounds() {
  const all = Array.from({ length: rounds }, () => measureAlone(alone));
  const medianOf = (who, key) => Math.round(median(all.map((round) => round[who][key])) * 10) / 10;
  const of = (who) => mapped(all[0][who], (_, key) => medianOf(who, key));
  return { ours: of("ours"), xstate: of("xstate") };
}

const line = (...cells) => console.log(cells.map((cell, index) => (index === 0 ? cell.padEnd(44) : String(cell).padStart(14))).join(""));
const figure = (value) => (value >= 1000 ? Math.round(value).toLocaleString("en") : String(value));
const ratio = (ours, other) => `${(ours / other).toFixed(2)}x`;

function print({ page, alone: { ours, xstate } }) {
  line("events a second, in Chromium", "ours", "XState", "ratio");
  line("two states, an assignment: in a batch", figure(page.batch), figure(page.xstate), ratio(page.batch, page.xstate));
  line("the same one by one, awaited together", figure(page.oneByOne), figure(page.xstate), ratio(page.oneByOne, page.xstate));
  line("four parallel regions: in a batch", figure(page.parallel), figure(page.xstateParallel), ratio(page.parallel, page.xstateParallel));
  line("  robot3, two states", figure(page.robot));
  line("  @xstate/store, an assignment", figure(page.store));
  line("durable in IndexedDB, 1,000 in flight", figure(page.durable));
  line("without a runtime, as WebAssembly in Node", "ours", "XState", "ratio");
  line("events a second, two states", figure(ours.events));
  line("events a second, four regions", figure(ours.parallel));
  line("an idle actor, bytes", figure(ours.memory), figure(xstate.memory), ratio(xstate.memory, ours.memory));
  line("start 10,000 actors, ms", ours.startMs, xstate.startMs, ratio(xstate.startMs, ours.startMs));
  line("restore 10,000 actors from a text, ms", ours.restoreMs, xstate.restoreMs, ratio(xstate.restoreMs, ours.restoreMs));
  line("a path, ns", ours.path);
  line("$if of $and of $ne and $gt of $length, ns", ours.nested);
}

const { version, perSecond } = await measurePage();
const results = {
  measured: new Date().toISOString().slice(0, 10),
  machine: { browser: `Chromium ${version}`, node: process.version, processors: `${cpus().length} × ${cpus()[0].model.trim()}` },
  rounds,
  page: perSecond,
  alone: measureRounds(),
};
print(results);
conclude(results, targetsOf(results), isShort ? undefined : fileURLToPath(new URL("results.json", import.meta.url)));
