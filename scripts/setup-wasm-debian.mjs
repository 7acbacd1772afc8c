// Owns the second way to the wasm target, where rustup's server is out of reach: Debian's current rustc, with the
// standard library built once from its source package, linked into rustup beside the default toolchain.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { installPackages } from "./setup-packages.mjs";
import { ask, run, StepError } from "./step.mjs";

const linker = "wasm-ld-22";

/** What a build with the linked toolchain needs in its environment. */
export const linkedEnv = {
  RUSTUP_TOOLCHAIN: "pleione-wasm",
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: linker,
};

/** Installs, builds and links; the caller checks that the target is then there. */
export async function linkDebianToolchain(target) {
  await installPackages("A Rust with library source", "rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "lld-22");
  const files = (await ask("dpkg", ["-L", "rustc-web"])) ?? "";
  const rustc = files.split("\n").find((file) => file.endsWith("/bin/rustc"));
  if (!rustc) throw new StepError("Debian's package rustc-web holds no rustc");
  const prefix = dirname(dirname(rustc));
  await run("rustup", ["toolchain", "link", linkedEnv.RUSTUP_TOOLCHAIN, prefix]);
  const sysroot = await ask(rustc, ["--print", "sysroot"]);
  await buildLibrary(target, join(sysroot ?? prefix, "lib", "rustlib", target, "lib"));
}

// Bitcode is embedded because the release module is linked with LTO.
async function buildLibrary(target, destination) {
  const folder = mkdtempSync(join(tmpdir(), "pleione-std-"));
  try {
    mkdirSync(join(folder, "src"));
    writeFileSync(join(folder, "src", "lib.rs"), "");
    writeFileSync(join(folder, "Cargo.toml"), '[package]\nname = "std-build"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n');
    const env = { ...linkedEnv, RUSTC_BOOTSTRAP: "1", RUSTFLAGS: "-Cembed-bitcode=yes", CARGO_TARGET_DIR: join(folder, "target") };
    await run("cargo", ["build", "--release", "-Zbuild-std=std,panic_abort,panic_unwind,test", "--target", target], { cwd: folder, env });
    await copyLibraries(join(folder, "target", target, "release", "deps"), destination);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function copyLibraries(source, destination) {
  const libraries = readdirSync(source).filter((name) => name.endsWith(".rlib") && !name.startsWith("libstd_build"));
  if (process.getuid?.() !== 0) {
    await run("sudo", ["-n", "mkdir", "-p", destination]);
    await run("sudo", ["-n", "cp", ...libraries.map((name) => join(source, name)), destination]);
    return;
  }
  mkdirSync(destination, { recursive: true });
  for (const name of libraries) copyFileSync(join(source, name), join(destination, name));
}
