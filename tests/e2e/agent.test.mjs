// An agent of the account that a browser has open: it answers the browser's actors through the sync server.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import test, { after, before } from "node:test";
import { hearer, teller } from "./support/actors.mjs";
import { newSecret, startAgent } from "./support/agent.mjs";
import { newDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";
import { add, openDemo, showsRows, synced } from "./support/todos.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** A web server whose pages have titles; how often each path was asked. */
async function startWeb(t) {
  const asked = {};
  const web = createServer((request, response) => {
    asked[request.url] = (asked[request.url] ?? 0) + 1;
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><title> The page ${request.url.slice(1)} </title>`);
  });
  await new Promise((resolve) => web.listen(0, "127.0.0.1", resolve));
  t.after(() => web.close());
  const host = `127.0.0.1:${web.address().port}`;
  return { asked, host, url: (path) => `http://${host}/${path}` };
}

const settingsOf = (secret, server, web) => ({
  AGENT_MAIA_AGENT_SECRET: secret,
  AGENT_MAIA_SYNC_DOMAIN: new URL(server.url).host,
  AGENT_MAIA_HTTP_HOSTS: web.host,
});

test("a_to_do_that_is_a_link_gets_its_page_s_title_from_the_agent", async (t) => {
  const [server, web, secret] = [await startServer(t, pages.demo), await startWeb(t), newSecret()];
  await startAgent(t, settingsOf(secret, server, web));
  const page = await openDemo(await newDevice(t, browser), server, { secret });
  await add(page, "milk");
  await add(page, web.url("one"));
  await showsRows(page, "milk", "The page one");
  assert.deepEqual(web.asked, { "/one": 1 });
});

test("r4_what_was_told_while_the_agent_was_dead_it_does_when_it_is_back_once", async (t) => {
  const [server, web, secret] = [await startServer(t, pages.demo), await startWeb(t), newSecret()];
  const agent = await startAgent(t, settingsOf(secret, server, web));
  const page = await openDemo(await newDevice(t, browser), server, { secret });
  await add(page, web.url("first"));
  await showsRows(page, "The page first");
  await agent.stop("SIGKILL");
  await add(page, web.url("second"));
  await add(page, web.url("third"));
  await synced(page);
  await agent.start();
  await showsRows(page, "The page first", "The page second", "The page third");
  assert.deepEqual(web.asked, { "/first": 1, "/second": 1, "/third": 1 });
});

test("r4_a_browser_and_an_agent_that_host_one_actor_handle_each_message_once", async (t) => {
  const [server, secret] = [await startServer(t, pages.blank), newSecret()];
  await startAgent(t, { AGENT_MAIA_AGENT_SECRET: secret, AGENT_MAIA_SYNC_DOMAIN: new URL(server.url).host });
  const open = async () => {
    const page = await openBlank(await newDevice(t, browser), server.url);
    await page.evaluate(async (secret) => (globalThis.runtime = await Runtime.open({ name: "test", secret, sync: syncAddress })), secret);
    return page;
  };
  const [hosting, telling] = [await open(), await open()];
  await hosting.evaluate(async (hearer) => {
    await runtime.actor(await runtime.publish(hearer));
    await runtime.synced();
  }, hearer);
  const watcher = { id: "watcher", context: { heard: { schema: "heard" } } };
  await telling.evaluate(
    async ({ teller, watcher }) => {
      globalThis.teller = await runtime.actor(teller);
      globalThis.watcher = await runtime.actor(watcher);
    },
    { teller, watcher },
  );
  const told = [];
  const tell = async (count) => {
    for (const end = told.length + count; told.length < end; ) {
      told.push(`message ${told.length}`);
      await telling.evaluate((text) => teller.send({ type: "SAY", payload: { text } }), told.at(-1));
    }
    const areHeard = (count) => watcher.context.value.heard.length >= count;
    await telling.waitForFunction(areHeard, told.length, { timeout: 30_000 });
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // for whoever would handle one again
    const heard = await telling.evaluate(() => watcher.context.value.heard.map(({ text }) => text));
    assert.deepEqual(heard.sort(), [...told].sort());
  };
  await tell(20);
  await hosting.close();
  await tell(20);
});

test("b10_a_published_definition_is_opened_by_its_id_and_every_document_of_it_is_live", async (t) => {
  const server = await startServer(t, pages.blank);
  const page = await openBlank(await newDevice(t, browser), server.url);
  await page.evaluate(async () => {
    globalThis.runtime = await Runtime.open({ name: "test" });
    const definition = {
      id: "sign",
      context: { text: "open" },
      state: { initial: "idle", states: { idle: {} } },
      view: { content: { tag: "h1", class: "sign", text: "$text" } },
      style: { components: { sign: { color: "rgb(10, 0, 0)" } } },
    };
    globalThis.id = await runtime.publish(definition);
    if ((await runtime.publish(definition)) !== id) throw new Error("another id");
    globalThis.actor = await runtime.actor(id, element());
  });
  await page.locator("h1.sign", { hasText: "open" }).waitFor();
  await page.evaluate(async () => {
    const document = await runtime.loadMap(id);
    document.set("view", { content: { tag: "h2", class: "sign", text: "$text" } });
    document.set("style", { components: { sign: { color: "rgb(0, 20, 0)" } } });
    document.set("state", { initial: "idle", states: { idle: { on: { CLOSE: { actions: [{ updateContext: { text: "closed" } }] } } } } });
  });
  await page.locator("h2.sign", { hasText: "open" }).waitFor();
  await page.waitForFunction(() => getComputedStyle(element().shadowRoot.querySelector("h2")).color === "rgb(0, 20, 0)");
  assert.deepEqual(await page.evaluate(() => actor.send({ type: "CLOSE" })), { handled: true });
  await page.locator("h2.sign", { hasText: "closed" }).waitFor();
});
