// Reloads and crashes at the worst moment: with a tool under way, right after a `send`, with the whole browser killed.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { blankPage } from "./support/blank.mjs";
import { hearer, note, teller, worker } from "./support/actors.mjs";
import { crash, newDevice, newKillableDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";
import { add, openDemo, settled, showsRows } from "./support/todos.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** Opens the runtime "test" with the tool `@test/slow`: `ends` says whether it answers; its calls are in `calls`. */
const openWorker = (page, options) =>
  page.evaluate(
    async ({ worker, idempotent, ends }) => {
      globalThis.runtime = await Runtime.open({ name: "test" });
      globalThis.problems = [];
      runtime.problems.subscribe((problem) => problem && problems.push(problem.message));
      globalThis.calls = [];
      runtime.registerTool("@test/slow", {
        parameters: { type: "object" },
        idempotent,
        execute(payload, { id, idempotencyKey }) {
          calls.push({ payload, key: idempotencyKey, actor: id });
          return ends ? `done: ${payload.task}` : new Promise(() => {});
        },
      });
      globalThis.actor = await runtime.actor(worker);
      return { state: actor.state, ...actor.context.value };
    },
    { worker, ...options },
  );

async function reloaded(page) {
  await page.reload();
  await page.waitForFunction(() => globalThis.isReady);
}

async function leaveWorking(page, idempotent) {
  await openWorker(page, { idempotent, ends: false });
  await page.evaluate(async () => {
    await actor.send({ type: "WORK", payload: { task: "dig" } });
  });
  assert.equal(await page.evaluate(() => actor.state), "working");
  const calls = await page.evaluate(() => calls);
  assert.equal(calls.length, 1);
  assert.deepEqual(calls[0].payload, { task: "dig" });
  return calls[0];
}

test("r3_b08_a_tool_that_a_reload_cut_off_is_told_as_interrupted_and_not_called_again", async (t) => {
  const page = await blankPage(t, browser);
  await leaveWorking(page, false);
  await reloaded(page);
  await openWorker(page, { idempotent: false, ends: true });
  const context = await page.evaluate(async () => ({ ...(await until(actor.context, ({ kind }) => kind)), state: actor.state, calls }));
  assert.equal(context.kind, "interrupted");
  assert.equal(context.state, "failed");
  assert.deepEqual(context.calls, [], "not called again");
});

test("r3_b08_an_idempotent_tool_that_a_reload_cut_off_is_called_again_with_the_same_key", async (t) => {
  const page = await blankPage(t, browser);
  const first = await leaveWorking(page, true);
  await reloaded(page);
  await openWorker(page, { idempotent: true, ends: true });
  const context = await page.evaluate(async () => ({ ...(await until(actor.context, ({ outcome }) => outcome)), state: actor.state, calls }));
  assert.equal(context.outcome, "done: dig");
  assert.equal(context.state, "idle");
  assert.deepEqual(context.calls, [first]);
  assert.ok(first.key, "a call has a key");
});

test("r3_a_stored_state_that_the_definition_no_longer_has_falls_back_to_initial_with_a_warning", async (t) => {
  const page = await blankPage(t, browser);
  await leaveWorking(page, false);
  await reloaded(page);
  const other = structuredClone(worker);
  other.state = { initial: "resting", states: { resting: {} } };
  await openWorker(page, { worker: other, idempotent: false, ends: true });
  const problems = await page.evaluate(() => problems);
  assert.ok(problems.some((message) => /working.*resting/.test(message)), problems.join("\n"));
  assert.equal(await page.evaluate(() => actor.state), "resting");
});

test("r1_a_tab_killed_right_after_send_has_the_state_when_it_is_opened_again", async (t) => {
  const server = await startServer(t, pages.blank);
  const device = newKillableDevice(t);
  const open = async () => {
    const page = await openBlank(await device.start(), server.url);
    const text = await page.evaluate(async (note) => {
      globalThis.actor = await (await Runtime.open({ name: "test" })).actor(note);
      return actor.context.value.text;
    }, note);
    return { page, text };
  };
  const first = await open();
  assert.equal(first.text, "");
  const sent = first.page.waitForEvent("console", (message) => message.text() === "sent");
  first.page
    .evaluate(async () => {
      await actor.send({ type: "WRITE", payload: { text: "the last words" } });
      console.log("sent");
      for (;;); // nothing of this page runs after the promise
    })
    .catch(() => {});
  await sent;
  await device.kill();
  assert.equal((await open()).text, "the last words");
});

test("r1_a_tab_that_crashes_takes_no_other_with_it_and_the_next_has_its_state", async (t) => {
  const server = await startServer(t, pages.demo);
  const device = await newDevice(t, browser);
  const page = await openDemo(device, server);
  const other = await openDemo(device, server);
  await page.evaluate(() => pleione.actor.send({ type: "CREATE", payload: { text: "before the crash" } }));
  await crash(page);
  await add(other, "after the crash");
  await showsRows(other, "before the crash", "after the crash");
  await settled(other);
  await other.close();
  await showsRows(await openDemo(device, server), "before the crash", "after the crash");
});

test("r1_a_browser_killed_right_after_the_last_of_many_sends_has_them_all", async (t) => {
  const server = await startServer(t, pages.demo);
  const device = newKillableDevice(t);
  const texts = Array.from({ length: 20 }, (_, index) => `todo ${index}`);
  let page = await openDemo(await device.start(), server);
  await page.evaluate(async (texts) => {
    for (const text of texts) await pleione.actor.send({ type: "CREATE", payload: { text } });
  }, texts);
  await device.kill();
  await server.stop("SIGKILL");
  await server.start();
  page = await openDemo(await device.start(), server);
  await showsRows(page, ...texts);
});

test("r4_messages_that_wait_in_an_inbox_over_a_crash_are_handled_once", async (t) => {
  const server = await startServer(t, pages.blank);
  const device = await newDevice(t, browser);
  const page = await openBlank(device, server.url);
  // The first life only tells; nobody is there to hear.
  await page.evaluate(async (teller) => {
    const runtime = await Runtime.open({ name: "test" });
    const actor = await runtime.actor(teller);
    for (const text of ["one", "two", "three"]) await actor.send({ type: "SAY", payload: { text } });
  }, teller);
  await crash(page);
  const heard = async (page) =>
    page.evaluate(async (hearer) => {
      const runtime = await Runtime.open({ name: "test" });
      const actor = await runtime.actor(hearer);
      const { heard } = await until(actor.context, ({ heard }) => heard?.length >= 3);
      await runtime.settled();
      return heard.map(({ text }) => text);
    }, hearer);
  const second = await openBlank(device, server.url);
  assert.deepEqual(await heard(second), ["one", "two", "three"]);
  await crash(second);
  const third = await openBlank(device, server.url);
  assert.deepEqual(await heard(third), ["one", "two", "three"], "and not again");
});
