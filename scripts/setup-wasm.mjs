// Owns the wasm32-unknown-unknown target: the default toolchain's if it has it or rustup can add it, else the one that
// `setup-wasm-debian.mjs` makes. `wasmEnv` is what a wasm build must be given; native builds are never touched.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { linkDebianToolchain, linkedEnv } from "./setup-wasm-debian.mjs";
import { ask, attempt, root, step, StepError } from "./step.mjs";

export const wasmTarget = "wasm32-unknown-unknown";

// A folder of its own: two compilers, or a native and a wasm build at once, would invalidate or block each other.
export const wasmTargetDir = join(root, "target", "wasm");

/** The environment of every wasm build; filled by `setUpWasm`. */
export const wasmEnv = { CARGO_TARGET_DIR: wasmTargetDir };

async function hasTarget(env) {
  const sysroot = await ask("rustc", ["--print", "sysroot"], env);
  const folder = join(sysroot ?? "", "lib", "rustlib", wasmTarget, "lib");
  return sysroot !== undefined && existsSync(folder) && readdirSync(folder).some((name) => name.startsWith("libstd-"));
}

async function setUpTarget() {
  if (await hasTarget({})) return "in the default toolchain";
  if (await hasTarget(linkedEnv)) return useLinkedToolchain();
  await attempt("rustup", ["target", "add", wasmTarget], { limitSeconds: 120 });
  if (await hasTarget({})) return "added by rustup";
  await linkDebianToolchain(wasmTarget);
  if (await hasTarget(linkedEnv)) return useLinkedToolchain();
  throw new StepError(`the target ${wasmTarget} could not be installed: \`rustup target add ${wasmTarget}\` does it where its server is reached`);
}

/** Lets every wasm build use the linked toolchain. */
export function useLinkedToolchain() {
  Object.assign(wasmEnv, linkedEnv);
  return `in the toolchain ${linkedEnv.RUSTUP_TOOLCHAIN}`;
}

/** Puts the target in place. */
export const setUpWasm = () => step(`set up: ${wasmTarget}`, setUpTarget);
