// Several browsers and the real server: what one does the others show; a server that is gone, or killed while it writes,
// loses nothing.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { newDevice, openBrowser, openPage } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";
import { add, checkbox, isOpen, openDemo, rows, secretOf, showsRows, showsRowsInAnyOrder, showsStatus, synced, viewButton } from "./support/todos.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const openFirst = async (t, server) => openDemo(await newDevice(t, browser), server);
const openSame = async (t, server, page) => openDemo(await newDevice(t, browser), server, { secret: await secretOf(page) });

test("r10_two_browsers_with_the_same_secret_show_the_same_live_both_ways", async (t) => {
  const server = await startServer(t, pages.demo);
  const first = await openFirst(t, server);
  await add(first, "from the first");
  await showsRows(first, "from the first");
  const second = await openSame(t, server, first);
  await showsRows(second, "from the first");
  assert.doesNotMatch(second.url(), /secret/, "the secret stays in no address");
  await add(second, "from the second");
  await showsRows(first, "from the first", "from the second");
  await checkbox(first, "from the second").click();
  await showsRows(second, "from the first", "✓ from the second");
  await second.getByRole("button", { name: "Delete from the first" }).click();
  await showsRows(first, "✓ from the second");
  await viewButton(first, "Done").click();
  await second.locator("[data-active=true]", { hasText: "Done" }).waitFor();
});

test("a link to one's own list opens the database that is there, and one from another never mixes two lists", async (t) => {
  const server = await startServer(t, pages.demo);
  const other = await openFirst(t, server);
  await add(other, "theirs");
  await synced(other);
  const device = await newDevice(t, browser);
  const mine = await openDemo(device, server);
  await add(mine, "mine");
  const databases = () => mine.evaluate(async () => (await indexedDB.databases()).length);
  const count = await databases();
  const again = await openDemo(device, server, { secret: await secretOf(mine) });
  await showsRows(again, "mine");
  assert.equal(await databases(), count, "the same database");
  const theirs = await openDemo(device, server, { secret: await secretOf(other) });
  await showsRows(theirs, "theirs");
  await mine.reload();
  await isOpen(mine);
  await showsRows(mine, "mine");
});

test("what is done while the server is gone arrives when it is back, from both sides", async (t) => {
  const server = await startServer(t, pages.demo);
  const first = await openFirst(t, server);
  await add(first, "before");
  const second = await openSame(t, server, first);
  await showsRows(second, "before");
  await Promise.all([synced(first), synced(second)]);
  await server.stop();
  await Promise.all([first, second].map((page) => showsStatus(page, "Offline")));
  await add(first, "first alone");
  await checkbox(first, "before").click();
  await showsRows(first, "✓ before", "first alone");
  await add(second, "second alone");
  await showsRows(second, "before", "second alone");
  await first.goto("about:blank"); // its tab is closed before the server ever heard of it
  await server.start();
  await first.goto(server.url);
  await isOpen(first);
  const everything = ["before", "first alone", "second alone"];
  await showsRowsInAnyOrder(first, everything);
  await showsRowsInAnyOrder(second, everything);
  assert.deepEqual(await rows(first), await rows(second), "in the same order, in the same state");
  assert.equal((await rows(first)).find(({ text }) => text === "before").isDone, true);
});

test("r2_a_server_killed_while_it_writes_and_started_on_its_file_loses_nothing", async (t) => {
  const server = await startServer(t, pages.demo);
  const page = await openFirst(t, server);
  await add(page, "the first of many");
  await synced(page);
  const texts = Array.from({ length: 60 }, (_, index) => `during ${index}`);
  const writing = page.evaluate(async (texts) => {
    for (const text of texts) await pleione.actor.send({ type: "CREATE", payload: { text } });
  }, texts);
  for (const count of [8, 30]) {
    await page.waitForFunction((count) => pleione.actor.context.value.open.length > count, count);
    await server.stop("SIGKILL");
    await server.start();
  }
  await writing;
  await synced(page);
  const other = await openSame(t, server, page);
  await showsRows(other, "the first of many", ...texts);
  await server.stop("SIGKILL");
  await server.start();
  const third = await openSame(t, server, page);
  await showsRows(third, "the first of many", ...texts);
});

test("r2_what_the_server_acknowledged_survives_its_death_and_that_of_the_device", async (t) => {
  const server = await startServer(t, pages.demo);
  const device = await browser.newContext();
  const page = await openDemo(device, server);
  const secret = await secretOf(page);
  await add(page, "acknowledged");
  await showsRows(page, "acknowledged");
  await synced(page);
  await Promise.all([server.stop("SIGKILL"), device.close()]);
  await server.start();
  const other = await openDemo(await newDevice(t, browser), server, { secret });
  await showsRows(other, "acknowledged");
});

test("r9_a_secret_that_is_none_is_told_and_changes_nothing", async (t) => {
  const server = await startServer(t, pages.demo);
  const device = await newDevice(t, browser);
  const page = await openDemo(device, server);
  await add(page, "mine");
  await showsRows(page, "mine");
  const wrong = await openPage(device, `${server.url}/#secret=not-a-secret`);
  await wrong.locator("#problem").waitFor();
  assert.match(await wrong.locator("#problem-text").textContent(), /secret/i);
  await wrong.goto(`${server.url}/?again`);
  await isOpen(wrong);
  await showsRows(wrong, "mine");
});
