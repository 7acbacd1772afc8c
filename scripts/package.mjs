// Owns `npm run package`: the server as it is delivered, one static binary, tested as its image and its unit run it.
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setUp } from "./setup.mjs";
import { findProgram, installPackages } from "./setup-packages.mjs";
import { ask, attempt, main, root, run, say, step, StepError } from "./step.mjs";

const machines = { x64: "x86_64", arm64: "aarch64" };
const target = `${machines[process.arch]}-unknown-linux-musl`;
const built = join(root, "target", target, "release", "pleione-sync");
const unit = join(root, "packaging", "pleione-sync.service");
const exposureMax = 20; // tenths: what systemd calls OK ends at 49, a service without any of it has 92

async function setUpTarget() {
  if (!findProgram("musl-gcc")) await installPackages("A C compiler for musl", "musl-tools");
  const installed = await ask("rustup", ["target", "list", "--installed"]);
  if (!installed?.split("\n").includes(target)) await run("rustup", ["target", "add", target]);
}

async function build() {
  await run("cargo", ["build", "--locked", "--release", "-p", "pleione-sync", "--target", target], { env: { CC: "musl-gcc" } });
  const { output } = await attempt("ldd", [built]);
  if (!/not a dynamic executable|statically linked/.test(output)) throw new StepError("the binary is linked with libraries of this machine", output);
  return `${(statSync(built).size / 1e6).toFixed(1)} MB in ${built.slice(root.length)}`;
}

// On a system that holds the binary and nothing else, as a user without rights.
async function tryConfined() {
  const env = { PLEIONE_SYNC_BIN: built };
  await run("cargo", ["nextest", "run", "-p", "pleione-sync", "-E", "test(/^(confined|stop|sync)::/)"], { env });
}

// The unit names where it is installed; the copy that is judged names what was built.
async function judgeUnit() {
  if (!findProgram("systemd-analyze")) return "systemd is not here, not judged";
  const folder = join(root, "target", "package");
  mkdirSync(folder, { recursive: true });
  const copy = join(folder, "pleione-sync.service");
  copyFileSync(unit, copy);
  writeFileSync(copy, readFileSync(copy, "utf8").replace("ExecStart=/usr/local/bin/pleione-sync", `ExecStart=${built}`));
  const said = await run("systemd-analyze", ["verify", copy]);
  if (said.trim()) throw new StepError("systemd finds fault with the unit", said);
  const judged = await run("systemd-analyze", ["security", "--offline=true", `--threshold=${exposureMax}`, copy]);
  return judged.match(/Overall exposure level.*?: (\S+)/)?.[1] ?? "";
}

// A systemd boots in a container and starts the unit, which the tests then treat as an operator does.
async function bootUnit() {
  if (!findProgram("systemd-nspawn") || process.getuid() !== 0) return "it takes root and systemd-nspawn (Debian: systemd-container), not booted";
  const env = { PLEIONE_SYNC_BIN: built };
  await run("cargo", ["nextest", "run", "-p", "pleione-sync", "--run-ignored", "only", "-E", "test(/^unit::/)"], { env });
}

await main(async () => {
  if (process.platform !== "linux" || !machines[process.arch]) throw new StepError("the static binary is built on Linux, x86-64 or ARM64");
  await setUp("rust", "nextest", "postgres");
  await step(`set up: ${target}`, setUpTarget);
  await step("build: the static server", build);
  await step("test: the static server", tryConfined);
  await step("test: the systemd unit (its exposure, of 10)", judgeUnit);
  await step("test: the systemd unit, started by a systemd", bootUnit);
  say("\nThe image is built by `docker build -f packaging/Dockerfile -t pleione-sync .`, which is not run here.");
});
