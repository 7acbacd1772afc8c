// A server that wants tokens, and a page that fetches a fresh one for each connection.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { note } from "./support/actors.mjs";
import { newDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** A page on a server that wants tokens; `fetchToken` in it is answered by `fetch`. */
async function guardedPage(t, fetch) {
  const server = await startServer(t, pages.blank, { SYNC_MAIA_AUTH: "token" });
  const page = await openBlank(await newDevice(t, browser), server.url, (page) => page.exposeFunction("fetchToken", () => fetch(server)));
  page.server = server;
  return page;
}

const openNote = (page) =>
  page.evaluate(async (note) => {
    const sync = async () => `${syncAddress}?token=${await fetchToken()}`;
    globalThis.runtime = await Runtime.open({ name: "guarded", sync });
    globalThis.actor = await runtime.actor(note);
  }, note);

const write = (page, text) =>
  page.evaluate(async (text) => {
    await actor.send({ type: "WRITE", payload: { text } });
    await runtime.synced();
  }, text);

test("a page whose token is taken back fetches another and goes on", async (t) => {
  const given = [];
  const page = await guardedPage(t, (server) => {
    given.push(server.token("new"));
    return given.at(-1);
  });
  await openNote(page);
  await write(page, "with a token");
  // The server sees the key that the first token was signed with within seconds; until then more than one may be asked for.
  const [used, count] = [given.at(-1), given.length];
  const isLost = page.evaluate(() => until(runtime.syncStatus, ({ state }) => state === "offline").then(() => true));
  page.server.token("revoke", used);
  assert.ok(await isLost);
  await write(page, "with another");
  assert.ok(given.length > count);
  assert.notEqual(given.at(-1), used);
});

test("r12_a_token_that_cannot_be_fetched_is_a_problem_without_its_words_and_is_fetched_again", async (t) => {
  let isAway = true;
  const page = await guardedPage(t, (server) => {
    if (isAway) throw new Error("the password is hush");
    return server.token("new");
  });
  await openNote(page);
  const problem = await page.evaluate(() => until(runtime.problems, (problem) => problem !== null));
  assert.equal(problem.code, "PLEIONE_E_SYNC_ADDRESS");
  assert.doesNotMatch(problem.message, /hush/);
  isAway = false;
  await write(page, "as soon as there is a token");
});

test("r12_an_address_that_is_none_is_told_without_its_token", async (t) => {
  const page = await guardedPage(t, () => "");
  const told = await page.evaluate(() => outcome(Runtime.open({ storage: "memory", sync: "https://here/sync?token=hush" })));
  assert.equal(told.code, "PLEIONE_E_SYNC_ADDRESS");
  assert.match(told.message, /https:\/\/here\/sync/);
  assert.doesNotMatch(told.message, /hush/);
});
