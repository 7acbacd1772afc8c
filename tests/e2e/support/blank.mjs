// The blank page of a server of its own, on a device of its own: where a test brings its own actors.
import { newDevice, openBlank } from "./browser.mjs";
import { pages, startServer } from "./server.mjs";

export async function blankPage(t, browser) {
  const server = await startServer(t, pages.blank);
  return openBlank(await newDevice(t, browser), server.url);
}
