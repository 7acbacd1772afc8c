// The demo with the real server, as a person uses it: what is added, toggled, deleted and chosen is there after a reload.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { newDevice, openBrowser } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";
import { add, checkbox, eventually, field, isOpen, openDemo, rows, settled, showsRows, showsStatus, viewButton } from "./support/todos.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

async function openFresh(t, options) {
  const server = await startServer(t, pages.demo);
  return openDemo(await newDevice(t, browser, options), server);
}

async function reload(page) {
  await settled(page);
  await page.reload();
  await isOpen(page);
}

test("what is added, toggled and deleted is shown at once, and is there after a reload", async (t) => {
  const page = await openFresh(t);
  await add(page, "water the plants");
  await add(page, "call Maia");
  await add(page, "sleep");
  await checkbox(page, "call Maia").click();
  await page.getByRole("button", { name: "Delete sleep" }).click();
  await showsRows(page, "water the plants", "✓ call Maia");
  await eventually(() => page.locator(".count").textContent(), "1 to do");
  await reload(page);
  await showsRows(page, "water the plants", "✓ call Maia");
  assert.deepEqual(page.problems, []);
});

test("r3_every_actor_is_after_a_reload_in_the_state_it_was_in", async (t) => {
  const page = await openFresh(t);
  await add(page, "one");
  await checkbox(page, "one").click();
  await viewButton(page, "Done").click();
  await field(page).fill("half a thou");
  await showsRows(page, "✓ one");
  await settled(page);
  const before = await page.evaluate(() => [pleione.actor.state, pleione.actor.context.value.currentView]);
  await reload(page);
  await showsRows(page, "✓ one");
  assert.deepEqual(await page.evaluate(() => [pleione.actor.state, pleione.actor.context.value.currentView]), before);
  assert.equal(await field(page).inputValue(), "half a thou");
  assert.equal(await viewButton(page, "Done").getAttribute("aria-pressed"), "true");
});

test("r3_an_error_that_was_shown_is_shown_after_a_reload_and_can_be_dismissed", async (t) => {
  const page = await openFresh(t);
  const strange = "co_zNobodyHasThisValue11111111111";
  await page.evaluate((id) => pleione.actor.send({ type: "DELETE", payload: { id } }), strange);
  const told = page.locator(".problem-text");
  await told.filter({ hasText: strange }).waitFor();
  assert.equal(await page.evaluate(() => pleione.actor.state), "failed");
  await reload(page);
  assert.equal(await page.evaluate(() => pleione.actor.state), "failed");
  assert.match(await told.textContent(), new RegExp(strange));
  await page.locator("#actor").getByRole("button", { name: "Dismiss" }).click();
  await eventually(() => told.isVisible(), false);
  await add(page, "goes on");
  await showsRows(page, "goes on");
});

test("each view shows its part, and a row moves when it is done", async (t) => {
  const page = await openFresh(t);
  for (const text of ["a", "b", "c"]) await add(page, text);
  await viewButton(page, "To do").click();
  await eventually(() => viewButton(page, "To do").getAttribute("aria-pressed"), "true"); // the rows alone do not tell
  await showsRows(page, "a", "b", "c");
  await checkbox(page, "b").click();
  await showsRows(page, "a", "c");
  await viewButton(page, "Done").click();
  await showsRows(page, "✓ b");
  await checkbox(page, "b").click();
  await page.getByText("Nothing is done yet").waitFor();
  await viewButton(page, "All").click();
  await showsRows(page, "a", "b", "c");
});

test("everything can be done with the keyboard alone", async (t) => {
  const page = await openFresh(t);
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await field(page).focus();
  await page.keyboard.type("by hand");
  await press("Enter");
  await showsRows(page, "by hand");
  await press("Tab", "Tab", "Space"); // the Add button, the check box
  await showsRows(page, "✓ by hand");
  await eventually(() => checkbox(page, "by hand").evaluate((it) => it.getRootNode().activeElement === it), true); // focus stays
  await press("Shift+Tab", "Shift+Tab", "Shift+Tab", "Enter"); // Add, the field, "Done"
  await eventually(() => viewButton(page, "Done").getAttribute("aria-pressed"), "true");
  await showsRows(page, "✓ by hand");
  await press("Tab", "Tab", "Tab", "Tab", "Enter"); // the field, Add, the check box, delete
  await page.getByText("Nothing is done yet").waitFor();
});

test("r6_a_keyboard_that_deletes_goes_on_with_the_neighbour", async (t) => {
  const page = await openFresh(t);
  for (const text of ["a", "b", "c"]) await add(page, text);
  await showsRows(page, "a", "b", "c");
  const focused = () =>
    page.evaluate(() => {
      let at = document.activeElement;
      while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
      return at.getAttribute("aria-label") ?? at.textContent;
    });
  await page.getByRole("button", { name: "Delete b" }).focus();
  for (const [rowsLeft, wanted] of [[["a", "c"], "Delete c"], [["a"], "Delete a"], [[], "Add"]]) {
    await page.keyboard.press("Enter");
    await showsRows(page, ...rowsLeft);
    await eventually(focused, wanted);
  }
  for (const text of ["d", "e"]) await add(page, text);
  await viewButton(page, "To do").click();
  await eventually(() => viewButton(page, "To do").getAttribute("aria-pressed"), "true"); // the rows alone do not tell
  await showsRows(page, "d", "e");
  await checkbox(page, "d").focus();
  await page.keyboard.press("Space"); // done, and so gone from this view
  await showsRows(page, "e");
  await eventually(focused, "e");
});

test("an empty or blank to-do is not made", async (t) => {
  const page = await openFresh(t);
  await add(page, "   ");
  await viewButton(page, "All").focus();
  await page.getByRole("button", { name: "Add" }).click();
  await field(page).fill("");
  await add(page, "real");
  await showsRows(page, "real");
});

test("the page runs under the strict policy, and nothing of it is refused or logged as an error", async (t) => {
  const page = await openFresh(t);
  const answer = await page.request.get(page.url());
  assert.match(answer.headers()["content-security-policy"], /script-src 'self' 'wasm-unsafe-eval'.*require-trusted-types-for 'script'/);
  await add(page, "strict");
  await page.getByRole("button", { name: "Other devices" }).click();
  await page.locator("#code path").waitFor({ state: "attached" });
  await showsRows(page, "strict");
  assert.deepEqual(page.problems, []);
});

test("r12_a_page_whose_package_is_missing_says_so", async (t) => {
  const server = await startServer(t, pages.demo);
  const device = await newDevice(t, browser);
  const page = await device.newPage();
  await page.route("**/pkg/*.wasm", (route) => route.abort());
  await page.goto(server.url);
  await page.locator("#problem").waitFor();
  assert.notEqual((await page.locator("#problem-text").textContent()).trim(), "");
  assert.equal(await page.locator("#status").textContent(), "Not running");
});

test("the status line is never empty, whatever happens to the server", async (t) => {
  const server = await startServer(t, pages.demo);
  const device = await newDevice(t, browser);
  const watch = (page) =>
    page.addInitScript(() => {
      globalThis.said = [];
      const note = () => {
        const text = document.getElementById("status")?.textContent;
        if (text !== undefined && text !== said.at(-1)) said.push(text);
      };
      new MutationObserver(note).observe(document, { subtree: true, childList: true, characterData: true });
    });
  const page = await openDemo(device, server, { prepare: watch });
  await showsStatus(page, "Synced");
  await server.stop();
  await showsStatus(page, "Offline");
  await add(page, "without a server");
  await showsStatus(page, /to send/);
  await server.start();
  await showsStatus(page, "Synced");
  const said = await page.evaluate(() => globalThis.said);
  assert.ok(said.length >= 3 && said.every((text) => text.trim() !== ""), JSON.stringify(said));
});

test("no width makes the page scroll sideways or cuts a row's buttons off", async (t) => {
  const page = await openFresh(t);
  await add(page, `a very long one ${"without_a_space_".repeat(12)}`);
  await eventually(async () => (await rows(page)).length, 1);
  for (const width of [320, 360, 768, 1280]) {
    await page.setViewportSize({ width, height: 700 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, `${width} px`);
    const box = await page.getByRole("button", { name: /^Delete/ }).boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= width, `${width} px: ${JSON.stringify(box)}`);
  }
});
