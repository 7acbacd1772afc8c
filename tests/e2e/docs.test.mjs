// The examples of docs/groups.md, run as they stand there: one browser for each person, one server between them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { newDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { root } from "./support/program.mjs";
import { pages, startServer } from "./support/server.mjs";

process.env.SYNC_MAIA_WRITE = "members";
let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

/** The examples: who runs them, and what. */
const examplesOf = (text) => [...text.matchAll(/^```js (\w+)\n([\s\S]*?)^```/gm)].map(([, person, code]) => ({ person, code }));

/** An example as an async function's body: names stay, and what a line is said to give is waited for. */
function runnable(code) {
  const names = [...code.matchAll(/^const (\w+) =/gm)].map(([, name]) => name);
  const lines = code.split("\n").map((line) => {
    const [, expression, expected] = /^(.*?);? \/\/ → (.*)$/.exec(line) ?? [];
    if (expression) return `await gives(async () => (${expression}), ${expected}, ${JSON.stringify(line)});`;
    return line.replace(/^const (\w+) =/, "globalThis.$1 =");
  });
  return { names, body: `(async () => {${lines.join("\n")}})()` };
}

async function openPerson(t, server, name) {
  const page = await openBlank(await newDevice(t, browser), server.url);
  await page.evaluate(async (name) => {
    const text = (value) => JSON.stringify(value, (_, it) => (it?.constructor === Object ? Object.fromEntries(Object.entries(it).sort()) : it));
    globalThis.gives = async (read, expected, line) => {
      for (const end = Date.now() + 8_000; ; ) {
        const found = text(await read());
        if (found === text(expected)) return;
        if (Date.now() > end) throw new Error(`${line} gave ${found}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    globalThis.runtime = await Runtime.open({ name, sync: syncAddress });
    await runtime.synced();
  }, name);
  return page;
}

test("the examples of docs/groups.md do what it says", async (t) => {
  const server = await startServer(t, pages.blank);
  const people = { alice: await openPerson(t, server, "alice"), bob: await openPerson(t, server, "bob") };
  const examples = examplesOf(readFileSync(join(root, "docs", "groups.md"), "utf8"));
  if (examples.length < 10) throw new Error("the examples were not found");
  for (const { person, code } of examples) {
    const { names, body } = runnable(code);
    await people[person].evaluate(body);
    // A text that one has, the other was sent.
    const texts = await people[person].evaluate((names) => names.map((name) => [name, globalThis[name]]).filter(([, it]) => typeof it === "string"), names);
    for (const page of Object.values(people)) await page.evaluate((texts) => Object.assign(globalThis, Object.fromEntries(texts)), texts);
  }
});
