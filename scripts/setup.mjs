// Owns the set-up: what a machine with Node and Rust still lacks is put in place, once per process and only what is
// asked for. Every part is quick when all is there. `node scripts/setup.mjs` sets up everything.
import { pathToFileURL } from "node:url";
import { setUpBrowser } from "./setup-browser.mjs";
import { setUpNpm } from "./setup-npm.mjs";
import { setUpRust } from "./setup-rust.mjs";
import { setUpTool } from "./setup-tools.mjs";
import { setUpWasm } from "./setup-wasm.mjs";
import { main } from "./step.mjs";

const parts = {
  rust: setUpRust,
  wasm: setUpWasm,
  npm: setUpNpm,
  bindgen: () => setUpTool("wasm-bindgen"),
  wasmPack: () => setUpTool("wasm-pack"),
  nextest: () => setUpTool("cargo-nextest"),
  deny: () => setUpTool("cargo-deny"),
  browser: setUpBrowser,
};
const done = new Map();

/** Sets up the named parts in order; a part that was set up, or failed, in this process is not tried again. */
export async function setUp(...names) {
  for (const name of names) {
    if (!done.has(name)) done.set(name, parts[name]());
    await done.get(name);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main(() => setUp(...Object.keys(parts)));
