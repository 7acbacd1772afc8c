// Owns node_modules: installed from the lock file, without install scripts, when missing or older than what it follows.
import { existsSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { root, run, step } from "./step.mjs";

const changedMs = (file) => (existsSync(file) ? statSync(file).mtimeMs : 0);

/** Installs the packages of one folder; hands back whether there was anything to do. */
export async function installNpm(folder, ...flags) {
  const lock = join(folder, "package-lock.json");
  const stamp = join(folder, "node_modules", ".package-lock.json");
  const wanted = Math.max(changedMs(join(folder, "package.json")), changedMs(lock));
  if (changedMs(stamp) >= wanted) return false;
  // Not `npm ci`: it refuses a lock file, even its own, that leaves out packages for other platforms.
  await run("npm", ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", ...flags], { cwd: folder });
  const now = new Date();
  if (existsSync(stamp)) utimesSync(stamp, now, now);
  return true;
}

/** Installs the packages that the scripts and the browser tests use. */
export const setUpNpm = () => step("set up: npm packages", async () => ((await installNpm(root)) ? "installed" : "up to date"));
