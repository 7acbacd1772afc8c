// Owns `npm run bench:data`: our client is built as a program and as a WebAssembly module, both as they ship, then
// bench/data/run.mjs is handed the arguments.
import { spawn } from "node:child_process";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { setUpBenchServer } from "./bench-server.mjs";
import { compileModule, optimiseModule } from "./build.mjs";
import { setUp } from "./setup.mjs";
import { installNpm } from "./setup-npm.mjs";
import { baseEnv, isMain, main, root, run, step } from "./step.mjs";

export const benchDataFile = join(root, "bench", "data", "run.mjs");

async function buildWasm() {
  const compiled = await compileModule("bench-data");
  const out = join(root, "target", "bench-data");
  await run("wasm-bindgen", ["--target", "nodejs", "--out-name", "bench_data", "--out-dir", out, compiled]);
  await optimiseModule(join(out, "bench_data_bg.wasm"));
  renameSync(join(out, "bench_data.js"), join(out, "bench_data.cjs")); // a CommonJS module below a package of modules
}

/** Builds both clients and the server, and installs the reference. */
export async function setUpBenchData() {
  await setUp("rust", "wasm", "std", "bindgen", "npm");
  await setUpBenchServer();
  await step("set up: npm packages of bench/data", () => installNpm(join(root, "bench", "data"), "--legacy-peer-deps"));
  await step("build: the measured client", () => run("cargo", ["build", "--release", "-p", "bench-data"]).then(() => undefined));
  await step("build: the measured client as WebAssembly", () => buildWasm().then(() => undefined));
}

if (isMain(import.meta.url)) {
  await main(async () => {
    await setUpBenchData();
    const bench = spawn(process.execPath, [benchDataFile, ...process.argv.slice(2)], { cwd: root, env: baseEnv, stdio: "inherit" });
    process.exitCode = await new Promise((resolve) => bench.on("exit", (code) => resolve(code ?? 1)));
  });
}
