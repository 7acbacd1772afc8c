// The demo's lists with others: one person starts a list and invites, another opens the link in a browser of its own and joins.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { newDevice, openBrowser, openPage } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";
import { add, checkbox, isOpen, openDemo, showsRows, showsStatus, synced } from "./support/todos.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

test("who opens the link of an invitation joins the list as its own account, and both see what either does", async (t) => {
  const server = await startServer(t, pages.demo);
  const alice = await openDemo(await newDevice(t, browser), server);
  await add(alice, "only mine");
  await showsRows(alice, "only mine");
  await synced(alice);
  await alice.locator("#share").click();
  assert.equal(await alice.locator("#invitation").isVisible(), false, "one's own list is nobody else's");
  await alice.locator("#begin").click();
  await alice.waitForURL(/list=co_z/);
  await isOpen(alice);
  await showsRows(alice);
  await add(alice, "for all of us");
  await showsRows(alice, "for all of us");
  await alice.locator("#share").click();
  await alice.locator("#invite").click();
  await alice.waitForFunction(() => document.getElementById("invitation").value.includes("join="));
  const link = await alice.locator("#invitation").inputValue();
  await synced(alice);

  const bob = await openPage(await newDevice(t, browser), link);
  await bob.waitForURL(/list=co_z/);
  await isOpen(bob);
  await showsRows(bob, "for all of us");
  await checkbox(bob, "for all of us").click();
  await showsRows(alice, "✓ for all of us");
  await showsStatus(bob, "Synced");
  const accountOf = (page) => page.evaluate(() => pleione.runtime.accountId);
  assert.notEqual(await accountOf(alice), await accountOf(bob));
  assert.deepEqual([...alice.problems, ...bob.problems], []);
});
