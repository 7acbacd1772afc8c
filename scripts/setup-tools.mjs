// Owns the cargo programs that the build and the tests call, each at one version. What is on PATH is used if it is that
// version; the rest is compiled once into cargo's own bin folder.
import { join } from "node:path";
import { ask, root, run, step } from "./step.mjs";

// `exact`: must be this very version (wasm-bindgen must equal the crate in Cargo.lock); else any installed one will do.
const tools = {
  "wasm-bindgen": { crate: "wasm-bindgen-cli", version: "0.2.130", exact: true, locked: false },
  "wasm-pack": { crate: "wasm-pack", version: "0.15.1", exact: false, locked: true },
  "cargo-nextest": { crate: "cargo-nextest", version: "0.9.143", exact: false, locked: true },
  "cargo-deny": { crate: "cargo-deny", version: "0.20.2", exact: false, locked: true },
};

// A tool is compiled once and runs for seconds: less optimisation, no LTO, and one target folder for what they share.
const quickBuild = {
  CARGO_TARGET_DIR: join(root, "target", "tools"),
  CARGO_PROFILE_RELEASE_LTO: "off",
  CARGO_PROFILE_RELEASE_OPT_LEVEL: "1",
  CARGO_PROFILE_RELEASE_CODEGEN_UNITS: "16",
  CARGO_PROFILE_RELEASE_DEBUG: "0",
};

async function installed(name) {
  // `cargo-deny --version` and the like: the first word that looks like a version.
  const text = await ask(name, name === "cargo-nextest" ? ["nextest", "--version"] : ["--version"]);
  return text?.match(/\d+\.\d+\.\d+/)?.[0];
}

/** Makes the named program available. */
export function setUpTool(name) {
  const { crate, version, exact, locked } = tools[name];
  return step(`set up: ${name}`, async () => {
    const found = await installed(name);
    if (found === version || (found && !exact)) return found;
    const args = ["install", crate, "--version", version, "--force", ...(locked ? ["--locked"] : [])];
    await run("cargo", args, { env: quickBuild });
    return `${version}, compiled`;
  });
}
