// Owns the long forms of tests: `npm run crash`, `npm run soak`, `npm run fuzz` (which is of our nodes beside npm's, then
// of the server) and `npm run sim` run for a moment in `npm test` too, `npm run partition` takes root and does not. The server is a release
// build, but with PGlite, which is built for tests alone. How long is a variable (SIM_RUNS, CRASH_ROUNDS, SOAK_SECONDS, FUZZ_SECONDS,
// PARTITION_ROUNDS), what is random repeats with its seed (SIM_SEED, CRASH_SEED, …), and SYNC_MAIA_STORAGE names the one back end that
// is to crash.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { buildServer } from "./build.mjs";
import { buildFuzzers, decoders, fuzzer } from "./fuzz-decoders.mjs";
import { setUp } from "./setup.mjs";
import { installNpm } from "./setup-npm.mjs";
import { baseEnv, main, root, run, step, StepError } from "./step.mjs";

const storage = process.env.SYNC_MAIA_STORAGE ?? "";
const features = storage === "pglite" ? ["--features", "pglite"] : [];
const tests = {
  crash: { tests: `test(/^crash::.*kills_with_${storage}/)`, env: { CRASH_ROUNDS: "200" }, needs: ["postgres"] },
  soak: { tests: "test(/^soak::/)", env: { SOAK_SECONDS: "3600" }, needs: [] },
  fuzz: { tests: "test(/^fuzz::/)", env: { FUZZ_SECONDS: "600" }, needs: [] },
  partition: { tests: "test(/^partition::/)", env: { PARTITION_ROUNDS: "20" }, needs: ["postgres"], args: ["--run-ignored", "only"] },
};

const spawned = (command, args, env) => {
  const program = spawn(command, args, { cwd: root, env: { ...env, ...baseEnv }, stdio: "inherit" });
  return new Promise((resolve) => program.on("exit", (code) => resolve(code ?? 1)));
};

async function runTests({ tests, env, needs, args: more = [] }) {
  await setUp("rust", "nextest", ...needs);
  const binary = features.length > 0 ? {} : { PLEIONE_SYNC_BIN: join(root, "target", "release", "pleione-sync") };
  if (features.length === 0) await buildServer();
  // One after the other: they share the processors, and what they say is worth reading while it is said.
  const args = ["nextest", "run", "-p", "pleione-sync", ...features, "--test", "server", "--no-capture", "--no-fail-fast", ...more, "-E", tests];
  return spawned("cargo", args, { ...binary, ...env });
}

/** Our nodes and npm's in one network: FUZZ_CASES cases from FUZZ_SEED on. */
async function fuzzData() {
  await setUp("rust");
  await step("build: our nodes for tests", () => run("cargo", ["build", "--release", "-p", "peer"]).then(() => undefined));
  const interop = join(root, "tests", "interop");
  await step("set up: npm packages of tests/interop", () => installNpm(interop, "--legacy-peer-deps"));
  const args = [join(interop, "fuzz", "run.mjs"), process.env.FUZZ_CASES ?? "10000", process.env.FUZZ_SEED ?? "1"];
  return spawned(process.execPath, args, { PLEIONE_PEER_BIN: join(root, "target", "release", "peer") });
}

/** Lives of several devices of actors, natively: SIM_RUNS of them from SIM_SEED on. */
async function simulateActors() {
  await setUp("rust", "nextest");
  const tests = ["--test", "actors", "--no-fail-fast", "-E", "test(/^simulation::/)"];
  return spawned("cargo", ["nextest", "run", "--release", "-p", "engine", ...tests], { SIM_RUNS: "10000" });
}

/** Fifty of our nodes: SIMULATION_RUNS runs from SIMULATION_SEED on. */
async function simulate() {
  await setUp("rust", "nextest");
  const args = ["nextest", "run", "--release", "-p", "cojson", "--test", "society", "--no-capture"];
  return spawned("cargo", args, { SIMULATION_RUNS: "1000" });
}

/** The decoders of bytes from outside, each for FUZZ_DECODER_SECONDS. */
async function fuzzDecoders() {
  await setUp("rust");
  await buildFuzzers();
  for (const decoder of decoders) {
    const { program, args } = fuzzer(decoder, process.env.FUZZ_DECODER_SECONDS ?? "60");
    const code = await spawned(program, args, {});
    if (code !== 0) return code;
  }
  return 0;
}

const forms = {
  crash: [() => runTests(tests.crash)],
  simulate: [simulate],
  soak: [() => runTests(tests.soak)],
  fuzz: [fuzzData, fuzzDecoders, () => runTests(tests.fuzz)],
  decoders: [fuzzDecoders],
  partition: [() => runTests(tests.partition)],
  sim: [simulateActors],
};

await main(async () => {
  const form = forms[process.argv[2]];
  if (!form) throw new StepError(`usage: node scripts/long.mjs ${Object.keys(forms).join(" | ")}`);
  for (const part of form) process.exitCode = (await part()) || process.exitCode;
});
