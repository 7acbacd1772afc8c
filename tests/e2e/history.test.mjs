// Histories and batches as JavaScript sees them: kept over a reload, told, looked back into, run again.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { newDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const counter = {
  id: "counter",
  history: true,
  context: { n: 0 },
  messageTypes: ["ADD"],
  state: { initial: "a", states: { a: { on: { ADD: { actions: { updateContext: { n: { $add: ["$n", "$$by"] } } } } } } } },
};

/** What the actor tells after a batch, and after an event of a later life of the page. */
const looked = (page, counter, by) =>
  page.evaluate(
    async ([counter, by]) => {
      const runtime = await Runtime.open({ name: "history" });
      const actor = await runtime.actor(counter);
      await actor.sendAll(by.map((by) => ({ type: "ADD", payload: { by } })));
      const history = actor.history();
      const seen = { at: history.map(({ index }) => actor.at(index).context.n), now: actor.at(new Date()).context.n, early: actor.at(new Date(0)) };
      const told = { lines: history.map(({ from, to, event, changed }) => [from, to, event.type, event.payload?.by ?? null, ...changed]), seen };
      const replay = actor.replay();
      await runtime.close();
      return { ...told, replay };
    },
    [counter, by],
  );

test("r1_a_batch_and_its_history_are_there_after_a_reload_and_run_again_alike", async (t) => {
  const server = await startServer(t, pages.blank);
  const page = await openBlank(await newDevice(t, browser), server.url);
  await looked(page, counter, [1, 2]);
  await page.reload();
  await page.waitForFunction(() => globalThis.isReady);
  const { lines, seen, replay } = await looked(page, counter, [3]);
  assert.deepEqual(lines, [[null, "a", "start", null], ...[1, 2, 3].map((by) => ["a", "a", "ADD", by, "n"])]);
  assert.deepEqual(seen, { at: [0, 1, 3, 6], now: 6, early: undefined });
  assert.deepEqual(replay, { steps: 4, difference: null, unsure: [] });

  const doubled = structuredClone(counter);
  doubled.state.states.a.on.ADD.actions.updateContext.n = { $add: ["$n", { $multiply: [2, "$$by"] }] };
  // The first two are of one task, after which the context is compared.
  const { difference } = (await looked(page, doubled, [])).replay;
  assert.deepEqual([difference.index, difference.what, difference.replayed.n], [2, "context", 6]);
});

test("r12_who_keeps_no_history_and_what_is_no_event_is_told_so", async (t) => {
  const server = await startServer(t, pages.blank);
  const page = await openBlank(await newDevice(t, browser), server.url);
  const codes = await page.evaluate(async () => {
    const runtime = await Runtime.open({ name: "plain", storage: "memory" });
    const actor = await runtime.actor({ id: "plain" });
    const code = async (work) => Promise.resolve().then(work).catch((error) => error.code);
    const all = [await code(() => actor.history()), await code(() => actor.at("x")), await code(() => actor.sendAll([{ kind: 1 }]))];
    await runtime.close();
    return all;
  });
  assert.deepEqual(codes, ["PLEIONE_E_NO_HISTORY", "PLEIONE_E_OPTION", "PLEIONE_E_OPTION"]);
});
