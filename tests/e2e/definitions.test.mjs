// Definitions: edited while they run, and refused in words when they are wrong.
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { note } from "./support/actors.mjs";
import { blankPage } from "./support/blank.mjs";
import { newDevice, openBrowser } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";
import { add, openDemo, showsRows } from "./support/todos.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

test("b10_a_style_and_a_view_edited_live_are_shown_and_the_state_stays", async (t) => {
  const server = await startServer(t, pages.demo);
  const page = await openDemo(await newDevice(t, browser), server);
  await add(page, "stays");
  await showsRows(page, "stays");
  const title = page.locator("h1");
  await page.evaluate(async () => {
    const edited = structuredClone(pleione.definition);
    edited.style.components.title.color = "rgb(1, 2, 3)";
    edited.view.content.children[0].children[0].children[0].text = { $join: [["<", "$title", ">"], ""] };
    await pleione.runtime.actor(edited, document.getElementById("actor"));
  });
  await title.filter({ hasText: "<Today>" }).waitFor();
  assert.equal(await title.evaluate((it) => getComputedStyle(it).color), "rgb(1, 2, 3)");
  await showsRows(page, "stays");
  await add(page, "goes on");
  await showsRows(page, "stays", "goes on");
});

test("b10_documents_that_are_values_are_live", async (t) => {
  const page = await blankPage(t, browser);
  const open = (definition) =>
    page.evaluate(async (definition) => {
      globalThis.runtime = await Runtime.open({ name: "test" });
      globalThis.view = runtime.createMap({ content: { tag: "h1", class: "note", text: "$text" } });
      globalThis.style = runtime.createMap({ components: { note: { color: "rgb(10, 0, 0)" } } });
      globalThis.actor = await runtime.actor({ ...definition, view: view.id, style: style.id }, element());
      await actor.send({ type: "WRITE", payload: { text: "hello" } });
    }, definition);
  await open(note);
  const shown = page.locator(".note", { hasText: "hello" });
  await shown.waitFor();
  const color = () => shown.evaluate((it) => getComputedStyle(it).color);
  assert.equal(await color(), "rgb(10, 0, 0)");
  await page.evaluate(() => style.set("components", { note: { color: "rgb(0, 20, 0)" } }));
  await page.waitForFunction(() => getComputedStyle(element().shadowRoot.querySelector(".note")).color === "rgb(0, 20, 0)");
  await page.evaluate(() => view.set("content", { tag: "h2", class: "note", text: "$text" }));
  await page.waitForFunction(() => element().shadowRoot.querySelector("h2.note")?.textContent === "hello");
});

test("r8_actors_with_the_same_style_share_one_sheet", async (t) => {
  const page = await blankPage(t, browser);
  const shared = await page.evaluate(async (note) => {
    const runtime = await Runtime.open({ name: "test", storage: "memory" });
    const style = { components: { note: { color: "rgb(9, 9, 9)" } } };
    await runtime.actor({ ...note, id: "one", style }, element("actor"));
    await runtime.actor({ ...note, id: "two", style: structuredClone(style) }, element("second"));
    runtime.flush();
    const sheets = (id) => element(id).shadowRoot.adoptedStyleSheets;
    return sheets("actor").length > 0 && sheets("actor").every((sheet, index) => sheet === sheets("second")[index]);
  }, note);
  assert.equal(shared, true);
});

const wrong = [
  ["an unknown target", { state: { initial: "idle", states: { idle: { on: { WRITE: "nowhere" } } } } }, [/state/, /states\.idle\.on\.WRITE/, /nowhere/]],
  ["an unknown initial state", { state: { initial: "lost", states: { idle: {} } } }, [/state/, /initial/, /lost/]],
  ["an unknown guard", { state: { initial: "idle", states: { idle: { on: { WRITE: { target: "idle", guard: { $maybe: 1 } } } } } } }, [/guard/, /\$maybe/]],
  ["an unknown operator", { state: { initial: "idle", states: { idle: { entry: { updateContext: { a: { $power: [1, 2] } } } } } } }, [/updateContext\.a/, /\$power/]],
  ["an unknown event", { state: { initial: "idle", states: { idle: { on: { UNHEARD_OF: "idle" } } } } }, [/UNHEARD_OF/]],
  ["an unknown tool", { state: { initial: "idle", states: { idle: { entry: { tool: "@no/such", payload: {} } } } } }, [/entry/, /@no\/such/]],
  ["an event of the view that is not in the contract", { view: { content: { $on: { click: { send: "UNHEARD_OF" } } } } }, [/view/, /UNHEARD_OF/]],
  ["an unknown key of a view's node", { view: { content: { tag: "p", txet: "x" } } }, [/view/, /txet/]],
  ["an unknown key of the definition", { veiw: {} }, [/veiw/]],
  ["a style that leaves its rule", { style: { components: { note: { color: "red } body { display: none" } } } }, [/style/, /components\.note\.color/]],
];

test("r12_b12_a_wrong_definition_is_refused_with_document_path_and_what_was_expected", async (t) => {
  const page = await blankPage(t, browser);
  const outcomes = await page.evaluate(
    async ([note, wrong]) => {
      const runtime = await Runtime.open({ name: "test", storage: "memory" });
      return Promise.all(wrong.map((part, index) => outcome(runtime.actor({ ...note, id: `wrong ${index}`, ...part }, element()))));
    },
    [note, wrong.map(([, part]) => part)],
  );
  wrong.forEach(([name, , expected], index) => {
    const { isError, code, message } = outcomes[index];
    assert.equal(isError, true, name);
    assert.match(code, /^PLEIONE_E_/, name);
    for (const pattern of expected) assert.match(message, pattern, name);
    assert.match(message, /expected/i, name);
  });
});
