// A disk that is full, refused, taken away or held by others: the caller is told, and what was there stays.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { note } from "./support/actors.mjs";
import { newDevice, openBlank, openBrowser, openPage } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";
import { add, isOpen, openDemo, showsRows } from "./support/todos.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const withoutIndexedDb = (page) => page.addInitScript(() => Object.defineProperty(globalThis, "indexedDB", { value: undefined }));
const refusingIndexedDb = (page) =>
  page.addInitScript(() => {
    IDBFactory.prototype.open = () => {
      throw new DOMException("The operation is insecure.", "SecurityError");
    };
  });

for (const [name, prepare] of [["absent", withoutIndexedDb], ["refused", refusingIndexedDb]]) {
  test(`r12_an_indexeddb_that_is_${name}_is_an_error_that_the_caller_of_open_sees`, async (t) => {
    const server = await startServer(t, pages.blank);
    const page = await openBlank(await newDevice(t, browser), server.url, prepare);
    const told = await page.evaluate(() => outcome(Runtime.open({ name: "test" })));
    assert.equal(told.isError, true);
    assert.equal(told.code, "PLEIONE_E_STORAGE_UNAVAILABLE");
    assert.match(told.message, /IndexedDB/);
    const inMemory = await page.evaluate(async (note) => {
      const runtime = await Runtime.open({ name: "test", storage: "memory" });
      const actor = await runtime.actor(note);
      await actor.send({ type: "WRITE", payload: { text: "without a disk" } });
      return actor.context.value.text;
    }, note);
    assert.equal(inMemory, "without a disk");
  });
}

test("r12_the_demo_without_storage_says_so_to_people", async (t) => {
  const server = await startServer(t, pages.demo);
  const page = await openPage(await newDevice(t, browser), server.url, refusingIndexedDb);
  await page.locator("#problem").waitFor();
  assert.match(await page.locator("#problem-text").textContent(), /IndexedDB|store/);
  assert.equal(await page.locator("#status").textContent(), "Not running");
});

test("r12_a_damaged_record_of_the_own_session_is_told_and_that_session_is_never_continued", async (t) => {
  const server = await startServer(t, pages.blank);
  const page = await openBlank(await newDevice(t, browser), server.url);
  const open = () => page.evaluate(async () => (globalThis.runtime = await Runtime.open({ name: "test", sync: syncAddress })) && runtime.secret);
  const close = () => page.evaluate(() => runtime.close());
  const secret = await open();
  const id = await page.evaluate(async () => {
    const map = runtime.createMap({ a: 1 });
    await runtime.settled();
    map.set("b", 2);
    await runtime.synced();
    return map.id;
  });
  await close();
  const segments = (damaged) =>
    page.evaluate(
      async ([id, damaged]) => {
        const asked = (request) => new Promise((resolve, reject) => Object.assign(request, { onsuccess: () => resolve(request.result), onerror: reject }));
        const [{ name }] = await indexedDB.databases();
        const database = await asked(indexedDB.open(name));
        const store = database.transaction("segments", "readwrite").objectStore("segments");
        const keys = (await asked(store.getAllKeys())).filter(([of]) => of === id);
        if (damaged) await asked(store.put(new Uint8Array([1, 2, 3]), keys.at(-1)));
        database.close();
        return [...new Set(keys.map(([, session]) => session))];
      },
      [id, damaged],
    );
  assert.equal((await segments(true)).length, 1);

  await open();
  const told = await page.evaluate((id) => {
    runtime.load(id).catch(() => {});
    return until(runtime.problems, (problem) => problem);
  }, id);
  assert.equal(told.code, "PLEIONE_E_STORAGE_DAMAGED");
  assert.match(told.message, new RegExp(`${id}.*open again`));
  await close();

  await open();
  const mended = await page.evaluate(async (id) => {
    const store = await runtime.load(id);
    await until(store, (value) => value?.b === 2);
    const map = await runtime.loadMap(id);
    map.set("c", 3);
    await runtime.synced();
    return [map.toJSON(), runtime.stats.rejections];
  }, id);
  assert.deepEqual(mended[0], { a: 1, b: 2, c: 3 });
  await close();
  assert.equal((await segments(false)).length, 2, "a session of its own, beside the retired one");

  const other = await openBlank(await newDevice(t, browser), server.url);
  const seen = await other.evaluate(
    async ([id, secret]) => {
      const runtime = await Runtime.open({ name: "other", secret, sync: syncAddress });
      return until(await runtime.load(id), (value) => value?.c === 3);
    },
    [id, secret],
  );
  assert.deepEqual(seen, { a: 1, b: 2, c: 3 });
});

const tightBytes = 300_000;
const ampleBytes = 500_000_000;

/** Chromium asks for the quota when a database is opened, and again when what it granted is used up. */
async function limitQuota(page, quotaSize) {
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(page.url()).origin, quotaSize });
}

test("r12_a_full_disk_is_an_error_of_send_and_what_was_stored_before_stays", async (t) => {
  const server = await startServer(t, pages.blank);
  const device = await newDevice(t, browser);
  const page = await openBlank(device, server.url);
  const open = (page) =>
    page.evaluate(async (note) => {
      globalThis.runtime = await Runtime.open({ name: "test" });
      globalThis.actor = await runtime.actor(note);
      return actor.context.value.text;
    }, note);
  const write = (page, text) => page.evaluate((text) => outcome(actor.send({ type: "WRITE", payload: { text } })), text);
  await limitQuota(page, tightBytes);
  await open(page);
  assert.deepEqual(await write(page, "small"), { value: { handled: true } });
  const told = [];
  for (let turn = 0; turn < 5 && !told.at(-1)?.isError; turn += 1) told.push(await write(page, `${turn}`.repeat(150_000)));
  assert.equal(told.at(-1).isError, true, "300 kB do not take it all");
  assert.equal(told.at(-1).code, "PLEIONE_E_STORAGE_QUOTA");
  assert.match(told.at(-1).message, /space/);
  await limitQuota(page, ampleBytes);
  assert.deepEqual(await write(page, "after"), { value: { handled: true } }, "goes on when there is room again");
  assert.equal(await open(await openBlank(device, server.url)), "after");
});

test("r12_a_full_disk_is_told_to_people_in_the_demo_and_nothing_is_lost_when_there_is_room_again", async (t) => {
  const server = await startServer(t, pages.demo);
  const device = await newDevice(t, browser);
  const blank = await openPage(device, `${server.url}/icon.svg`);
  await limitQuota(blank, tightBytes);
  const page = await openDemo(device, server);
  await add(page, "before");
  await showsRows(page, "before");
  await page.evaluate(async () => {
    for (let isFull = false; !isFull; ) {
      pleione.runtime.createMap({ filler: "x".repeat(100_000) });
      isFull = await pleione.runtime.settled().then(() => false, () => true);
    }
  });
  await page.locator("#problem").waitFor();
  assert.match(await page.locator("#problem-text").textContent(), /space/);
  await add(page, "while it is full");
  await showsRows(page, "before", "while it is full");
  await limitQuota(blank, ampleBytes);
  await add(page, "after");
  await page.evaluate(() => pleione.runtime.settled());
  await page.reload();
  await isOpen(page);
  await showsRows(page, "before", "while it is full", "after");
});

test("r12_data_deleted_under_a_running_page_is_told_and_never_silently_lost", async (t) => {
  const server = await startServer(t, pages.blank);
  const device = await newDevice(t, browser);
  const page = await openBlank(device, server.url);
  await page.evaluate(async (note) => {
    globalThis.runtime = await Runtime.open({ name: "test" });
    globalThis.actor = await runtime.actor(note);
    await actor.send({ type: "WRITE", payload: { text: "before" } });
  }, note);
  const other = await openPage(device, `${server.url}/harness.js`);
  await other.evaluate(async () => {
    for (const { name } of await indexedDB.databases()) {
      await new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase(name);
        request.onsuccess = resolve;
        request.onerror = reject;
      });
    }
  });
  const told = await page.evaluate(() => outcome(actor.send({ type: "WRITE", payload: { text: "after" } })));
  if (told.isError) {
    assert.match(told.code, /^PLEIONE_E_STORAGE/);
    return;
  }
  await page.reload();
  await page.waitForFunction(() => globalThis.isReady);
  const kept = await page.evaluate(async (note) => (await (await Runtime.open({ name: "test" })).actor(note)).context.value.text, note);
  assert.equal(kept, "after", "a send that was confirmed is there");
});
