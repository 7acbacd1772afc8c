// Owns the set-up: what a machine with Node and Rust still lacks is put in place, once per process and only what is
// asked for. Every part is quick when all is there. `node scripts/setup.mjs [PART…]` sets up those parts, or everything.
import { setUpBrowser } from "./setup-browser.mjs";
import { setUpNpm } from "./setup-npm.mjs";
import { setUpPostgres } from "./setup-postgres.mjs";
import { setUpRust } from "./setup-rust.mjs";
import { setUpStd } from "./setup-std.mjs";
import { setUpTool } from "./setup-tools.mjs";
import { setUpWasm } from "./setup-wasm.mjs";
import { isMain, main, StepError } from "./step.mjs";

const parts = {
  rust: setUpRust,
  wasm: setUpWasm,
  std: setUpStd,
  npm: setUpNpm,
  bindgen: () => setUpTool("wasm-bindgen"),
  wasmPack: () => setUpTool("wasm-pack"),
  nextest: () => setUpTool("cargo-nextest"),
  deny: () => setUpTool("cargo-deny"),
  browser: setUpBrowser,
  postgres: setUpPostgres,
};
const done = new Map();

/** Sets up the named parts in order; a part that was set up, or failed, in this process is not tried again. */
export async function setUp(...names) {
  for (const name of names) {
    if (!done.has(name)) done.set(name, parts[name]());
    await done.get(name);
  }
}

if (isMain(import.meta.url)) {
  const wanted = process.argv.slice(2).filter((word) => !word.startsWith("-"));
  await main(async () => {
    const unknown = wanted.filter((name) => !parts[name]);
    if (unknown.length > 0) throw new StepError(`no part "${unknown.join(", ")}"; the parts: ${Object.keys(parts).join(", ")}`);
    await setUp(...(wanted.length > 0 ? wanted : Object.keys(parts)));
  });
}
