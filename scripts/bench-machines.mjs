// Owns `npm run bench:machines`: the browser's module and a module of machines alone are built as they ship, then
// bench/machines/run.mjs is handed the arguments.
import { spawn } from "node:child_process";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { buildModule } from "./build.mjs";
import { setUp } from "./setup.mjs";
import { browserEnv } from "./setup-browser.mjs";
import { installNpm } from "./setup-npm.mjs";
import { wasmEnv, wasmTarget, wasmTargetDir } from "./setup-wasm.mjs";
import { baseEnv, isMain, main, root, run, step } from "./step.mjs";

export const benchMachinesFile = join(root, "bench", "machines", "run.mjs");

const compiled = join(wasmTargetDir, wasmTarget, "module", "bench_machines.wasm");
const cargoModule = ["rustc", "-p", "bench-machines", "--profile", "module", "--lib", "--crate-type", "cdylib", "--target", wasmTarget];

async function buildMachines() {
  await run("cargo", cargoModule, { env: wasmEnv });
  const out = join(root, "target", "bench-machines");
  await run("wasm-bindgen", ["--target", "nodejs", "--out-name", "bench_machines", "--out-dir", out, compiled]);
  renameSync(join(out, "bench_machines.js"), join(out, "bench_machines.cjs")); // a CommonJS module below a package of modules
}

/** Builds both modules and installs the others' libraries. */
export async function setUpBenchMachines() {
  await setUp("rust", "wasm", "bindgen", "browser");
  await buildModule();
  await step("set up: npm packages of bench/machines", () => installNpm(join(root, "bench", "machines")));
  await step("build: the machines alone as WebAssembly", () => buildMachines().then(() => undefined));
}

if (isMain(import.meta.url)) {
  await main(async () => {
    await setUpBenchMachines();
    const args = ["--expose-gc", benchMachinesFile, ...process.argv.slice(2)];
    const bench = spawn(process.execPath, args, { cwd: root, env: { ...baseEnv, ...browserEnv }, stdio: "inherit" });
    process.exitCode = await new Promise((resolve) => bench.on("exit", (code) => resolve(code ?? 1)));
  });
}
