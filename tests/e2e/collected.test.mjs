// What an application does not keep, the browser collects: a subscription and what is on the page go on all the same.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { blankPage } from "./support/blank.mjs";
import { openBrowser } from "./support/browser.mjs";
import { note } from "./support/actors.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** Collects what nobody holds, until the browser has told those who asked to be told so. */
async function collect(page) {
  const session = await page.context().newCDPSession(page);
  for (let round = 0; round < 2; round += 1) {
    await page.evaluate(() => {
      globalThis.isCollected = false;
      globalThis.registry = new FinalizationRegistry(() => (globalThis.isCollected = true));
      registry.register({});
    });
    await session.send("HeapProfiler.collectGarbage");
    await page.waitForFunction(() => globalThis.isCollected);
  }
}

test("who subscribes is told until it unsubscribes, whether it keeps what does that or not", async (t) => {
  const page = await blankPage(t, browser);
  await page.evaluate(async (note) => {
    const runtime = await Runtime.open({ name: "test" });
    const actor = await runtime.actor(note);
    const map = runtime.createMap();
    globalThis.told = { context: [], value: [], kept: [] };
    actor.context.subscribe(({ text }) => told.context.push(text));
    const value = await runtime.load(map.id);
    value.subscribe(({ text }) => told.value.push(text));
    const stop = value.subscribe(({ text }) => told.kept.push(text));
    globalThis.held = { runtime, actor, map, stop };
  }, note);
  await collect(page);
  const told = await page.evaluate(async () => {
    const { runtime, actor, map, stop } = held;
    await actor.send({ type: "WRITE", payload: { text: "a" } });
    map.set("text", "b");
    await runtime.settled();
    stop();
    map.set("text", "c");
    await runtime.settled();
    return told;
  });
  assert.equal(told.context.at(-1), "a");
  assert.deepEqual(told.value.slice(-2), ["b", "c"]);
  assert.equal(told.kept.at(-1), "b");
});

test("what is on the page works on, though its application keeps neither the runtime nor the actor", async (t) => {
  const page = await blankPage(t, browser);
  await page.evaluate(async () => {
    const button = { tag: "button", text: "$count", $on: { click: { send: "CLICK" } } };
    const on = { CLICK: { target: "idle", actions: [{ updateContext: { count: "clicked" } }] } };
    const counter = { id: "counter", context: { count: "new" }, state: { initial: "idle", states: { idle: { on } } }, view: { content: button } };
    const runtime = await Runtime.open({ name: "test", sync: syncAddress });
    await runtime.actor(counter, element());
  });
  await collect(page);
  await page.getByRole("button", { name: "new" }).click();
  await page.getByRole("button", { name: "clicked" }).waitFor();
});
