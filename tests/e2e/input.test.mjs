// What people type is data: it is shown as they typed it, whatever it looks like, and all of it is kept.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { crash, newDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";
import { add, eventually, field, isOpen, openDemo, rows, settled, showsRows } from "./support/todos.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const oddTexts = {
  b04_what_looks_like_an_expression: ["$draft", "$$text", "$title", "{\"$if\":1}", "@inputValue"],
  b05_what_looks_like_a_condition: ["why? because: x", "https://example.org/?a=1&b=2:3", "$5 off", "a ? b : c"],
  b17_what_looks_like_json: ["[1,2]", "{\"a\":1}", "true", "0", "null", "\"quoted\""],
  r9_what_looks_like_markup: ["<img src=x onerror=alert(1)>", "</span><script>alert(1)</script>", "&amp; {colors.accent} }", "__proto__"],
  b15_what_is_falsy_or_not_latin: ["0.0", "false", "日本語 و العربية", "👩‍👩‍👧 e\u0301"],
};

for (const [name, texts] of Object.entries(oddTexts)) {
  test(`${name}_is_shown_as_it_was_typed`, async (t) => {
    const server = await startServer(t, pages.demo);
    const page = await openDemo(await newDevice(t, browser), server);
    page.on("dialog", () => assert.fail("a text was run"));
    for (const text of texts) await add(page, text);
    await showsRows(page, ...texts);
    await settled(page);
    await page.reload();
    await isOpen(page);
    await showsRows(page, ...texts);
    assert.deepEqual(page.problems, []);
  });
}

test("b17_blanks_around_a_text_are_cut_and_those_in_it_stay", async (t) => {
  const server = await startServer(t, pages.demo);
  const page = await openDemo(await newDevice(t, browser), server);
  await add(page, "  leading,  inner  and trailing  ");
  await showsRows(page, "leading,  inner  and trailing");
});

test("b11_five_submits_in_one_tick_are_five_todos", async (t) => {
  const server = await startServer(t, pages.demo);
  const page = await openDemo(await newDevice(t, browser), server);
  await field(page).fill("again");
  await field(page).evaluate((input) => {
    for (let count = 0; count < 5; count += 1) input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, composed: true }));
  });
  await showsRows(page, ..."aaaaa".split("").map(() => "again"));
  const sent = await page.evaluate(() => {
    const texts = ["1", "2", "3", "4", "5"];
    return Promise.all(texts.map((text) => pleione.actor.send({ type: "CREATE", payload: { text } })));
  });
  assert.deepEqual(sent, Array(5).fill({ handled: true }));
  await eventually(async () => (await rows(page)).length, 10);
});

test("b11_fast_typing_and_submitting_loses_no_letter", async (t) => {
  const server = await startServer(t, pages.demo);
  const page = await openDemo(await newDevice(t, browser), server);
  const texts = Array.from({ length: 12 }, (_, index) => `quick brown ${index}`);
  await field(page).click();
  for (const text of texts) {
    await page.keyboard.type(text);
    await page.keyboard.press("Enter");
  }
  await showsRows(page, ...texts);
  await eventually(() => field(page).inputValue(), "");
});

test("what is typed quickly is kept letter by letter with few writes, and all of it is there after a crash", async (t) => {
  const server = await startServer(t, pages.demo);
  const device = await newDevice(t, browser);
  const page = await openDemo(device, server);
  const letters = "the quick brown fox jumps over the lazy dog at noon".slice(0, 50);
  await field(page).click();
  const stats = () => page.evaluate(() => pleione.runtime.settled().then(() => pleione.runtime.stats));
  const before = await stats();
  // As an input method or a held key does: several letters come before the browser has had time for anything else.
  await field(page).evaluate((input, letters) => {
    for (const letter of letters) {
      input.value += letter;
      input.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
    }
  }, letters);
  const inOneTask = await stats();
  assert.equal(inOneTask.storageWrites - before.storageWrites, 1, "50 letters in one task are one write");
  await field(page).fill("");
  const start = await stats();
  await page.keyboard.type(letters);
  const end = await stats();
  const [writes, transactions] = ["storageWrites", "transactions"].map((key) => end[key] - start[key]);
  t.diagnostic(`typed by keyboard: ${writes} writes of ${transactions} transactions`);
  assert.ok(writes <= letters.length, `${writes} writes`);
  await crash(page);
  const again = await openDemo(device, server);
  assert.equal(await field(again).inputValue(), letters);
});

test("b11_a_letter_typed_and_submitted_within_one_frame_is_a_todo_and_leaves_the_field_empty", async (t) => {
  const server = await startServer(t, pages.demo);
  const page = await openDemo(await newDevice(t, browser), server);
  const letters = "abcdefghijklmnopqrst".split("");
  await field(page).click();
  for (const letter of letters) {
    await page.keyboard.press(letter);
    await page.keyboard.press("Enter");
  }
  await showsRows(page, ...letters);
  await eventually(() => field(page).inputValue(), "");
});

test("b06_addresses_that_run_code_are_emptied_and_told", async (t) => {
  const server = await startServer(t, pages.blank);
  const page = await openBlank(await newDevice(t, browser), server.url);
  const shown = await page.evaluate(async () => {
    const runtime = await Runtime.open({ name: "test", storage: "memory" });
    const results = {};
    const addresses = ["javascript:alert(1)", " JaVaScRiPt:alert(1)", "java\nscript:alert(1)", "data:text/html,<script>", "vbscript:x", "https://example.org/a?b#c", "/relative"];
    const definition = {
      id: "links",
      context: { addresses: addresses.map((address, id) => ({ id, address })) },
      view: { content: { children: [{ $each: { items: "$addresses", template: { tag: "a", attrs: { href: "$$address" }, text: "link" } } }] } },
    };
    await runtime.actor(definition, element());
    runtime.flush();
    const links = [...element().shadowRoot.querySelectorAll("a")];
    links.forEach((link, index) => (results[addresses[index]] = link.getAttribute("href") || ""));
    return { results, problem: runtime.problems.value?.message ?? "" };
  });
  const { "https://example.org/a?b#c": safe, "/relative": relative, ...hostile } = shown.results;
  assert.deepEqual(Object.values(hostile), ["", "", "", "", ""]);
  assert.deepEqual([safe, relative], ["https://example.org/a?b#c", "/relative"]);
  assert.match(shown.problem, /address .*vbscript:x/);
});

test("b06_elements_and_attributes_that_run_code_are_refused_with_their_place", async (t) => {
  const server = await startServer(t, pages.blank);
  const page = await openBlank(await newDevice(t, browser), server.url);
  const nodes = [
    [{ tag: "script", text: "alert(1)" }, /children\[0\]\.tag/],
    [{ tag: "iframe", attrs: { srcdoc: "<script>" } }, /children\[0\]\.tag/],
    [{ tag: "object" }, /children\[0\]\.tag/],
    [{ tag: "STYLE" }, /children\[0\]\.tag/],
    [{ tag: "div", attrs: { onclick: "alert(1)" } }, /children\[0\]\.attrs\.onclick/],
    [{ tag: "div", attrs: { srcdoc: "x" } }, /children\[0\]\.attrs\.srcdoc/],
    [{ tag: "div", attrs: { style: "background:url(x)" } }, /children\[0\]\.attrs\.style/],
  ];
  const outcomes = await page.evaluate(async (nodes) => {
    const runtime = await Runtime.open({ name: "test", storage: "memory" });
    return Promise.all(nodes.map((node, index) => outcome(runtime.actor({ id: `hostile ${index}`, view: { content: { children: [node] } } }, element()))));
  }, nodes.map(([node]) => node));
  outcomes.forEach((outcome, index) => {
    assert.equal(outcome.isError, true, JSON.stringify(nodes[index][0]));
    assert.match(outcome.message, nodes[index][1]);
    assert.match(outcome.code, /^PLEIONE_E_/);
  });
});
