// The same definitions give the same result in a browser as in the agent (crates/agent/tests/agent/cases.rs).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { newDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { root } from "./support/program.mjs";
import { pages, startServer } from "./support/server.mjs";

const cases = JSON.parse(readFileSync(join(root, "tests", "cases", "behaviour.json"), "utf8"));

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

test("an_actor_does_in_a_browser_what_it_does_in_an_agent", async (t) => {
  const server = await startServer(t, pages.blank);
  const page = await openBlank(await newDevice(t, browser), server.url);
  await page.evaluate(async () => (globalThis.runtime = await Runtime.open({ name: "test" })));
  for (const { name, definition, events, outcomes, state, context, history = [] } of cases) {
    const run = async ({ definition, events }) => {
      const actor = await runtime.actor(definition);
      const became = [];
      const isSo = (expected) => (context) => Object.entries(expected).every(([key, value]) => context[key] === value);
      for (const { wait, ask, ...event } of events) {
        if (wait) became.push(Boolean(await until(actor.context, isSo(wait))));
        else if (ask) became.push(await outcome(actor.ask(definition.id, ask)).then(({ value, code }) => code ?? value));
        else became.push(await outcome(actor.send(event)).then(({ value, code }) => code ?? value.handled));
      }
      return { became, state: actor.state, context: actor.context.value, history: definition.history ? actor.history() : [] };
    };
    const found = await page.evaluate(run, { definition, events });
    assert.deepEqual(found.became, outcomes, name);
    assert.deepEqual(found.state, state, name);
    assert.equal(found.history.length, history.length, name);
    for (const [index, expected] of history.entries()) {
      const told = Object.fromEntries(Object.keys(expected).map((key) => [key, found.history[index][key] ?? null]));
      assert.deepEqual(told, expected, `${name}: ${index}`);
    }
    for (const [key, expected] of Object.entries(context)) {
      const value = found.context[key];
      const isItem = (item) => item !== null && typeof item === "object" && !Array.isArray(item);
      const bare = (item) => (isItem(item) ? (({ id, ...rest }) => rest)(item) : item);
      assert.deepEqual(Array.isArray(value) ? value.map(bare) : value, expected, `${name}: ${key}`);
    }
  }
});
