// Owns `npm run bench:server`: what it measures is built first, then bench/server/run.mjs is handed the arguments. A start
// on a store of a million values is measured by `npm run bench:start`.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { setUp } from "./setup.mjs";
import { installNpm } from "./setup-npm.mjs";
import { baseEnv, isMain, main, root, run, step } from "./step.mjs";

export const benchServerFile = join(root, "bench", "server", "run.mjs");

/** Builds the server and the load that is put on it, and installs the reference. */
export async function setUpBenchServer() {
  await setUp("rust");
  await step("set up: npm packages of bench/server", () => installNpm(join(root, "bench", "server"), "--legacy-peer-deps"));
  const args = ["build", "--release", "-p", "pleione-sync", "--bins", "--example", "load"];
  await step("build: the sync server and its load", () => run("cargo", args).then(() => undefined));
}

if (isMain(import.meta.url)) {
  await main(async () => {
    await setUpBenchServer();
    const args = [benchServerFile, ...process.argv.slice(2)];
    const bench = spawn(process.execPath, args, { cwd: root, env: baseEnv, stdio: "inherit" });
    process.exitCode = await new Promise((resolve) => bench.on("exit", (code) => resolve(code ?? 1)));
  });
}
