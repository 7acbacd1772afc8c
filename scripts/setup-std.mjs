// Owns how the release module's standard library is made: compiled with the module from its source, for size and
// without the texts of panics, which nobody would read in a browser. It saves a tenth of the module. Needs the library's
// source and switches of rustc that are not stable yet; both are looked for, and where they are missing it is said.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { linkDebianToolchain } from "./setup-wasm-debian.mjs";
import { useLinkedToolchain, wasmEnv, wasmTarget } from "./setup-wasm.mjs";
import { ask, attempt, step } from "./step.mjs";

const switches = [
  "-Zunstable-options",
  "-Cpanic=immediate-abort", // a panic ends the module either way
  "-Zlocation-detail=none",
  "-Zfmt-debug=none", // what people read is written with Display
  '--cfg=sha2_backend_soft="compact"', // loops instead of their turns: signatures hash little
  "-Cllvm-args=-max-store-memcpy=1", // what is longer than 8 bytes is copied by one instruction, not word by word
  // JavaScript keeps what Rust refers to, and reads several results from memory: else wasm-bindgen wraps every function.
  "-Ctarget-feature=-reference-types,-multivalue",
];
const unstable = { RUSTC_BOOTSTRAP: "1" };

/** What the release build of the module adds to cargo's arguments and environment; filled by `setUpStd`. */
export const stdBuild = { args: [], env: {} };

async function hasSource() {
  const sysroot = await ask("rustc", ["--print", "sysroot"], wasmEnv);
  return sysroot !== undefined && existsSync(join(sysroot, "lib", "rustlib", "src", "rust", "library", "std", "Cargo.toml"));
}

async function takesSwitches() {
  const args = [...switches, "--target", wasmTarget, "--print", "cfg"];
  return (await ask("rustc", args, { ...wasmEnv, ...unstable })) !== undefined;
}

async function fetchSource() {
  await attempt("rustup", ["component", "add", "rust-src"], { env: wasmEnv, limitSeconds: 120 });
  if (await hasSource()) return;
  await linkDebianToolchain(wasmTarget);
  useLinkedToolchain();
}

async function setUpSource() {
  if (!(await hasSource())) await fetchSource();
  if (!(await takesSwitches())) return "not for size: this rustc does not take the switches, and the module will be larger";
  stdBuild.args = ["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=optimize_for_size"];
  stdBuild.env = { ...unstable, CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: switches.join(" ") };
  return "compiled with the module, for size";
}

/** Puts the library's source in place. After `setUpWasm`. */
export const setUpStd = () => step("set up: standard library", setUpSource);
