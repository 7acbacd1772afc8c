// Values of every kind between two browsers and the real server: typed by two at once, sent as files, looked back to,
// deleted.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { newDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { root } from "./support/program.mjs";
import { pages, startServer } from "./support/server.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** Two devices of one account, each with an open runtime. */
async function devices(t) {
  const server = await startServer(t, pages.blank);
  const open = async (secret) => {
    const page = await openBlank(await newDevice(t, browser), server.url);
    const options = { name: "values", ...(secret && { secret }) };
    await page.evaluate(async (options) => {
      globalThis.runtime = await Runtime.open({ ...options, sync: syncAddress });
    }, options);
    return page;
  };
  const first = await open();
  const second = await open(await first.evaluate(() => runtime.secret));
  return [first, second];
}

test("r10_two_who_type_into_one_text_while_offline_keep_what_both_typed", async (t) => {
  const [first, second] = await devices(t);
  const id = await first.evaluate(async () => {
    globalThis.text = runtime.createPlainText("milk, eggs 👩‍👩‍👧");
    await runtime.synced();
    return text.id;
  });
  await second.evaluate(async (id) => (globalThis.text = await runtime.loadPlainText(id)), id);
  await Promise.all([first, second].map((page) => page.context().setOffline(true)));
  await first.evaluate(() => text.replace("oat milk, eggs 👩‍👩‍👧"));
  await second.evaluate(() => text.replace("milk, ten eggs 👩‍👩‍👧 and salt"));
  await Promise.all([first, second].map((page) => page.context().setOffline(false)));
  for (const page of [first, second]) {
    await page.waitForFunction(() => text.toString() === "oat milk, ten eggs 👩‍👩‍👧 and salt");
  }
  assert.deepEqual(await first.evaluate(() => text.history()), await second.evaluate(() => text.history()));
});

test("a file of one browser is a file in the other, with the progress of both", async (t) => {
  const [first, second] = await devices(t);
  const sent = await first.evaluate(async () => {
    const bytes = Uint8Array.from({ length: 1_500_000 }, (_, place) => (place * 31) % 256);
    const told = [];
    const file = new File([bytes], "picture.png", { type: "image/png" });
    const stream = await runtime.createBinaryStream(file, { onProgress: (progress) => told.push(progress) });
    await runtime.synced();
    return { id: stream.id, told };
  });
  assert.equal(sent.told.length, 15);
  assert.deepEqual(sent.told.at(-1), { done: 1_500_000, total: 1_500_000 });
  const received = await second.evaluate(async (id) => {
    const told = [];
    const stream = await runtime.loadBinaryStream(id, (progress) => told.push(progress));
    const blob = stream.toBlob();
    const bytes = new Uint8Array(await blob.arrayBuffer());
    const isSame = bytes.every((byte, place) => byte === (place * 31) % 256);
    return { told, isSame, size: blob.size, type: blob.type, info: stream.toJSON() };
  }, sent.id);
  assert.deepEqual([received.isSame, received.size, received.type], [true, 1_500_000, "image/png"]);
  assert.deepEqual(received.told.at(-1), { done: 1_500_000, total: 1_500_000 });
  assert.ok(received.told.every(({ done }, place, all) => place === 0 || all[place - 1].done <= done));
  assert.equal(received.info.fileName, "picture.png");
});

test("what one deletes the other cannot load, and what was is told until then", async (t) => {
  const [first, second] = await devices(t);
  const id = await first.evaluate(async () => {
    globalThis.map = runtime.createMap({ price: 1 });
    map.set("price", 2);
    await runtime.synced();
    return map.id;
  });
  const seen = await second.evaluate(async (id) => {
    const map = await runtime.loadMap(id);
    const edits = map.editsBy("price");
    return { values: edits.map(({ value }) => value), by: edits[0].by, was: map.at(edits[0].madeAt), me: runtime.accountId };
  }, id);
  assert.deepEqual(seen.values, [1, 2]);
  assert.equal(seen.by, seen.me);
  await first.evaluate(async (id) => {
    await runtime.delete(id);
    await runtime.synced();
  }, id);
  await second.waitForFunction(async (id) => (await outcome(runtime.load(id))).code === "PLEIONE_E_DELETED", id);
});

/** The examples of a page of the documentation, each line with an arrow asked for what it says it comes to. */
function examples(file) {
  const blocks = readFileSync(join(root, "docs", file), "utf8").matchAll(/```js\n(.*?)```/gs);
  return [...blocks].map(([, code]) => code.replaceAll(/^(.*); \/\/ → (.*)$/gm, "await check(async () => $1, $2);"));
}

test("the examples of docs/values.md come to what they say", async (t) => {
  const server = await startServer(t, pages.blank);
  const page = await openBlank(await newDevice(t, browser), server.url);
  const blocks = examples("values.md");
  assert.ok(blocks.length >= 5);
  for (const code of blocks) {
    // As a text: the page's own policy lets it evaluate none.
    const results = await page.evaluate(`(async () => {
      const runtime = await Runtime.open({ storage: "memory" });
      const results = [];
      const check = async (run, expected) => results.push([JSON.parse(JSON.stringify(await run())), expected]);
      ${code}
      await runtime.close();
      return results;
    })()`);
    assert.ok(results.length > 0, code);
    for (const [actual, expected] of results) assert.deepEqual(actual, expected, code);
  }
});
