// The demo as a person sees it: what is on the screen, and what can be done to it.
import { openPage } from "./browser.mjs";

/** Opens the demo and waits until its root actor is shown. */
export async function openDemo(device, server, { secret, prepare } = {}) {
  const link = secret ? `${server.url}/#${new URLSearchParams({ secret })}` : `${server.url}/`;
  const page = await openPage(device, link, prepare);
  await isOpen(page);
  return page;
}

/** Waits until the root actor is there, after opening or a reload. */
export async function isOpen(page) {
  await page.waitForFunction(() => globalThis.pleione);
  await field(page).waitFor();
}

export const field = (page) => page.getByRole("textbox", { name: "New to-do" });
export const checkbox = (page, text) => page.getByRole("checkbox", { name: text, exact: true });
export const viewButton = (page, name) => page.getByRole("button", { name, exact: true });

/** The rows, as `{text, isDone}`, in the order shown. */
export function rows(page) {
  const read = (items) =>
    items.map((item) => ({
      text: item.querySelector(".text").textContent,
      isDone: item.querySelector("[role=checkbox]").getAttribute("aria-checked") === "true",
    }));
  return page.locator("li").evaluateAll(read);
}

/** Waits until the rows are these: texts, with a leading "✓ " on those that are done. */
export async function showsRows(page, ...expected) {
  const shown = (items) => items.map(({ text, isDone }) => (isDone ? `✓ ${text}` : text));
  await eventually(async () => shown(await rows(page)), expected);
}

/** Waits until the rows are these in any order. */
export async function showsRowsInAnyOrder(page, expected) {
  await eventually(async () => (await rows(page)).map(({ text }) => text).sort(), [...expected].sort());
}

/** Types a text and presses Enter, as a person does. */
export async function add(page, text) {
  await field(page).click();
  await page.keyboard.type(text);
  await page.keyboard.press("Enter");
}

/** The secret of the account that the page has open. */
export const secretOf = (page) => page.evaluate(() => globalThis.pleione.runtime.secret);

/** Waits until everything the page did is on the disk: what is shown is so a frame or two before. */
export const settled = (page) => page.evaluate(() => globalThis.pleione.runtime.settled());

/** Waits until everything the page did is on the server. */
export const synced = (page) => page.evaluate(() => globalThis.pleione.runtime.synced());

/** Waits until the page's status line says this. */
export const showsStatus = (page, pattern) => page.locator("#status", { hasText: pattern }).waitFor();

const eventuallyMsMax = 8_000;

/** Reads until what is read equals what is expected; fails with the last reading. */
export async function eventually(read, expected) {
  const wanted = JSON.stringify(expected);
  let last;
  for (const start = performance.now(); performance.now() - start < eventuallyMsMax; ) {
    last = JSON.stringify(await read());
    if (last === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  throw new Error(`expected ${wanted}, and it stayed ${last}`);
}
