// Browsers for tests. `openBrowser` is one Chromium per test file; each person, or device, in a test is a context of its
// own with a storage of its own. `openDevice` is a whole Chromium with a profile on disk that can be killed and opened again.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const executablePath = process.env.PLEIONE_CHROMIUM ?? "/usr/bin/chromium";
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const actionMsMax = 10_000;

/** A headless Chromium. */
export const openBrowser = () => chromium.launch({ executablePath, args, headless: true });

/** A device: a context with a storage of its own, gone when the test `t` is over. Errors of its pages fail the test. */
export async function newDevice(t, browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 900, height: 800 }, ...options });
  context.setDefaultTimeout(actionMsMax);
  t.after(() => context.close());
  return context;
}

/**
 * A page in a window of its own: as a further tab it would be a hidden one, which gets a frame a second whatever it says
 * of its visibility.
 */
async function newWindow(device) {
  if (device.pages().length === 0) return device.newPage();
  const session = await device.newCDPSession(device.pages()[0]);
  const { targetInfo } = await session.send("Target.getTargetInfo");
  const browserSession = await device.browser().newBrowserCDPSession();
  const opened = device.waitForEvent("page");
  await browserSession.send("Target.createTarget", { url: "about:blank", newWindow: true, browserContextId: targetInfo.browserContextId });
  return opened;
}

/** A page of the device at this address; what it logs as an error is in `page.problems`. */
export async function openPage(device, url, prepare = async () => {}) {
  const page = await newWindow(device);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
  await prepare(page);
  await page.goto(url);
  return page;
}

/** Waits until the harness of the blank page is there. */
export async function openBlank(device, url, prepare) {
  const page = await openPage(device, url, prepare);
  await page.waitForFunction(() => globalThis.isReady);
  return page;
}

/** Ends a tab as a crash does: nothing of the page runs any more. */
export async function crash(page) {
  const session = await page.context().newCDPSession(page);
  const gone = new Promise((resolve) => page.on("crash", resolve));
  session.send("Page.crash").catch(() => {});
  await gone;
}

class Device {
  #profile = mkdtempSync(join(tmpdir(), "pleione-profile-"));
  #child;
  #browser;

  /** Starts Chromium on the profile and hands back its context. */
  async start() {
    const own = ["--headless=new", `--user-data-dir=${this.#profile}`, "--remote-debugging-port=0", "about:blank"];
    rmSync(join(this.#profile, "DevToolsActivePort"), { force: true });
    this.#child = spawn(executablePath, [...args, ...own], { stdio: "ignore", detached: true });
    this.#browser = await chromium.connectOverCDP(`http://127.0.0.1:${await this.#port()}`);
    return this.#browser.contexts()[0];
  }

  async #port() {
    for (const start = performance.now(); performance.now() - start < actionMsMax; ) {
      try {
        const [port] = readFileSync(join(this.#profile, "DevToolsActivePort"), "utf8").split("\n");
        if (port) return port;
      } catch { /* not written yet */ }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error("Chromium did not open its debugging port");
  }

  /** SIGKILL to every process of this Chromium. */
  async kill() {
    if (!this.#child || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.on("exit", resolve));
    process.kill(-this.#child.pid, "SIGKILL");
    await gone;
    await this.#browser?.close().catch(() => {});
  }

  async remove() {
    await this.kill();
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** A Chromium with a profile on disk, gone when the test `t` is over. */
export function newKillableDevice(t) {
  const device = new Device();
  t.after(() => device.remove());
  return device;
}
