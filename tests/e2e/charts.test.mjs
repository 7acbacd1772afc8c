// Statecharts in the browser: nested and parallel states and histories over a reload, events for later that are kept.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { blankPage } from "./support/blank.mjs";
import { openBrowser } from "./support/browser.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const player = {
  id: "player",
  context: { slowed: 0 },
  state: {
    initial: "on",
    states: {
      on: {
        type: "parallel",
        on: { POWER: "off" },
        states: {
          mode: {
            initial: "stopped",
            states: {
              last: { type: "history", history: "deep", target: "stopped" },
              stopped: { on: { PLAY: "playing" } },
              playing: {
                initial: "slow",
                states: {
                  slow: { on: { SPEED: "fast" } },
                  fast: { after: { 700: { target: "slow", actions: { updateContext: { slowed: { $add: ["$slowed", 1] } } } } } },
                },
              },
            },
          },
          sound: { initial: "loud", states: { loud: { on: { MUTE: "mute" } }, mute: { on: { MUTE: "loud" } } } },
        },
      },
      off: { on: { POWER: "on.mode.last" } },
    },
  },
};

const open = (page) =>
  page.evaluate(async (player) => {
    globalThis.runtime = await Runtime.open({ name: "charts" });
    globalThis.actor = await runtime.actor(player);
    return actor.state;
  }, player);

const send = (page, ...types) =>
  page.evaluate(async (types) => {
    for (const type of types) await actor.send({ type });
    return actor.state;
  }, types);

async function reopened(page) {
  await page.reload();
  await page.waitForFunction(() => globalThis.isReady);
  return open(page);
}

test("r3_nested_and_parallel_states_and_their_histories_are_after_a_reload_what_they_were", async (t) => {
  const page = await blankPage(t, browser);
  await open(page);
  const playing = { on: { mode: { playing: "slow" }, sound: "mute" } };
  assert.deepEqual(await send(page, "PLAY", "MUTE"), playing);
  assert.deepEqual(await reopened(page), playing);
  assert.deepEqual(await send(page, "POWER"), "off");
  assert.deepEqual(await reopened(page), "off");
  assert.deepEqual(await send(page, "POWER"), { on: { mode: { playing: "slow" }, sound: "loud" } });
});

test("r1_r3_an_event_for_later_comes_after_a_reload_too_and_once", async (t) => {
  const page = await blankPage(t, browser);
  await open(page);
  await send(page, "PLAY", "SPEED");
  await page.waitForFunction(() => actor.context.value.slowed === 1);
  assert.deepEqual(await send(page, "SPEED"), { on: { mode: { playing: "fast" }, sound: "loud" } });
  await reopened(page);
  await page.waitForFunction(() => actor.context.value.slowed === 2);
  await reopened(page);
  await page.waitForTimeout(900);
  assert.equal(await page.evaluate(() => actor.context.value.slowed), 2);
});
