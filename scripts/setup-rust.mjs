// Owns the native toolchain: the C linker that rustc calls, rustfmt and clippy. Rust itself must be there.
import { findProgram, installPackages } from "./setup-packages.mjs";
import { ask, run, step, StepError } from "./step.mjs";

/** Checks Rust and adds what a minimal installation lacks. */
export const setUpRust = () => step("set up: Rust", async () => {
  const version = await ask("cargo", ["--version"]);
  if (!version) throw new StepError("Rust is missing: please install the stable toolchain with rustup");
  if (!findProgram("cc")) await installPackages("A C compiler", "build-essential");
  if (!(await ask("cargo", ["fmt", "--version"]))) await run("rustup", ["component", "add", "rustfmt"]);
  if (!(await ask("cargo", ["clippy", "--version"]))) await run("rustup", ["component", "add", "clippy"]);
  return version;
});
