// Owns `npm run bench:machines`: measures our actors in Chromium beside XState, robot3 and @xstate/store, and our machines as
// WebAssembly in Node beside XState, in one run; prints medians and ratios, writes bench/machines/results.json, and holds the
// targets. `--short` measures less, holds with slack what that can judge, and writes nothing. The last line is `N passed, N failed`.
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { conclude } from "../conclude.mjs";
import { median } from "../statistics.mjs";
import { openBrowser } from "../../tests/e2e/support/browser.mjs";
import { measureAlone } from "./alone.mjs";
import { serve } from "./serve.mjs";
import { shortTargetsOf, targetsOf } from "./targets.mjs";

const isShort = process.argv.includes("--short");
const rounds = isShort ? 3 : 7;
const inPage = { xstate: 50_000, xstateParallel: 20_000, robot: 100_000, store: 200_000, batch: 100_000, parallel: 50_000, oneByOne: 10_000, durable: 10_000 };
const storedActors = isShort ? 50 : 500;
const evaluations = isShort ? 100_000 : 1_000_000;
const alone = { events: evaluations, evaluations, actors: 10_000, residents: 100_000 };

/** Milliseconds of the page's thread so far: processor time, which other programs on the machine do not change. */
async function threadMs(session) {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "ThreadTime").value * 1000;
}

/** An actor as it ships: what it takes of memory, and of processor time to be made and to be restored from storage. */
async function measureStored(page, session) {
  const start = async () => {
    await page.evaluate(() => globalThis.measure.openStored());
    const [before, bytesBefore] = [await threadMs(session), await page.evaluate(() => globalThis.measure.bytes())];
    await page.evaluate((count) => globalThis.measure.startStored(count), storedActors);
    const [after, bytes] = [await threadMs(session), await page.evaluate(() => globalThis.measure.bytes())];
    await page.evaluate(() => globalThis.measure.closeStored());
    return { ms: (after - before) / storedActors, bytes: (bytes - bytesBefore) / storedActors };
  };
  const made = await start();
  const restored = await start();
  return mapped({ startMs: made.ms, restoreMs: restored.ms, bytes: made.bytes }, (figure) => Math.round(figure * 1000) / 1000);
}

/** Events a second of each, a round at a time. What waits for the disk is timed by the clock. */
async function measurePage() {
  const server = await serve();
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(server.url);
    await page.waitForFunction(() => globalThis.isReady, undefined, { timeout: 60_000 });
    if (!(await page.evaluate(() => globalThis.measure.check()))) throw new Error("a batch does not lead where its events lead");
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    const stored = await measureStored(page, session);
    const perSecond = Object.fromEntries(Object.keys(inPage).map((name) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, count] of Object.entries(inPage)) {
        await page.evaluate((name) => globalThis.measure.prepare(name), name);
        const before = await threadMs(session);
        const clockMs = await page.evaluate(([name, count]) => globalThis.measure.run(name, count), [name, count]);
        const ms = name === "durable" ? clockMs : (await threadMs(session)) - before;
        await page.evaluate(() => globalThis.measure.close());
        perSecond[name].push((count / ms) * 1000);
      }
    }
    return { version: browser.version(), stored, perSecond: mapped(perSecond, (figures) => Math.round(median(figures))) };
  } finally {
    await browser.close();
    server.close();
  }
}

const mapped = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));

async function measureRounds() {
  const all = [];
  for (let round = 0; round < rounds; round += 1) all.push(await measureAlone(alone));
  const medianOf = (who, key) => Math.round(median(all.map((round) => round[who][key])) * 10) / 10;
  const of = (who) => mapped(all[0][who], (_, key) => medianOf(who, key));
  return { ours: of("ours"), xstate: of("xstate") };
}

const line = (...cells) => console.log(cells.map((cell, index) => (index === 0 ? cell.padEnd(44) : String(cell).padStart(14))).join(""));
const figure = (value) => (value >= 1000 ? Math.round(value).toLocaleString("en") : String(value));
const ratio = (ours, other) => `${(ours / other).toFixed(2)}x`;

function print({ page, stored, alone: { ours, xstate } }) {
  line("events a second, in Chromium", "ours", "XState", "ratio");
  line("two states, an assignment: in a batch", figure(page.batch), figure(page.xstate), ratio(page.batch, page.xstate));
  line("the same one by one, awaited together", figure(page.oneByOne), figure(page.xstate), ratio(page.oneByOne, page.xstate));
  line("four parallel regions: in a batch", figure(page.parallel), figure(page.xstateParallel), ratio(page.parallel, page.xstateParallel));
  line("  robot3, two states", figure(page.robot));
  line("  @xstate/store, an assignment", figure(page.store));
  line("durable in IndexedDB, 1,000 in flight", figure(page.durable));
  line("an actor as it ships, in IndexedDB: made, ms", stored.startMs);
  line("  restored, ms", stored.restoreMs);
  line("  bytes", figure(stored.bytes));
  line("without a runtime, as WebAssembly in Node", "ours", "XState", "ratio");
  line("events a second, two states", figure(ours.events));
  line("events a second, four regions", figure(ours.parallel));
  line("an idle actor, bytes", figure(ours.memory), figure(xstate.memory), ratio(xstate.memory, ours.memory));
  line("start 10,000 actors, ms", ours.startMs, xstate.startMs, ratio(xstate.startMs, ours.startMs));
  line("restore 10,000 actors from a text, ms", ours.restoreMs, xstate.restoreMs, ratio(xstate.restoreMs, ours.restoreMs));
  line("a path, ns", ours.path);
  line("$if of $and of $ne and $gt of $length, ns", ours.nested);
}

const { version, stored, perSecond } = await measurePage();
const results = {
  measured: new Date().toISOString().slice(0, 10),
  machine: { browser: `Chromium ${version}`, node: process.version, processors: `${cpus().length} × ${cpus()[0].model.trim()}` },
  rounds,
  page: perSecond,
  stored,
  alone: await measureRounds(),
};
print(results);
if (isShort) conclude(results, shortTargetsOf(results));
else conclude(results, targetsOf(results), fileURLToPath(new URL("results.json", import.meta.url)));
