// Owns the browser that tests drive: a Chromium and the chromedriver of the same version. `browserEnv` tells children
// where they are.
import { existsSync } from "node:fs";
import { findProgram, installPackages } from "./setup-packages.mjs";
import { ask, step, StepError } from "./step.mjs";

const chromiums = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const macChrome = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/** `PLEIONE_CHROMIUM` for the end-to-end tests and benchmarks, `CHROMEDRIVER` for wasm-pack; filled by `setUpBrowser`. */
export const browserEnv = {};

const major = (text) => text?.match(/(\d+)\.\d+\.\d+/)?.[1];

async function find() {
  const chromium = process.env.PLEIONE_CHROMIUM ?? findProgram(...chromiums) ?? (existsSync(macChrome) ? macChrome : undefined);
  const driver = process.env.CHROMEDRIVER ?? findProgram("chromedriver");
  if (!chromium || !driver) return undefined;
  const version = major(await ask(chromium, ["--version"]));
  return version && version === major(await ask(driver, ["--version"])) ? { chromium, driver, version } : undefined;
}

/** Puts both in place. */
export const setUpBrowser = () => step("set up: Chromium and chromedriver", async () => {
  if (!(await find())) await installPackages("A Chromium with the chromedriver of its version", "chromium", "chromium-driver");
  const found = await find();
  if (!found) throw new StepError("Chromium and chromedriver are there, but not of one version: PLEIONE_CHROMIUM and CHROMEDRIVER may name a pair");
  browserEnv.PLEIONE_CHROMIUM = found.chromium;
  browserEnv.CHROMEDRIVER = found.driver;
  return `version ${found.version}`;
});
