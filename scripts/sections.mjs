// Owns what is checked and tested, section by section: what a section needs set up, what it runs and how its result is
// counted. `runner.mjs` runs them; nothing here prints.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { benchDataFile, setUpBenchData } from "./bench-data.mjs";
import { benchMachinesFile, setUpBenchMachines } from "./bench-machines.mjs";
import { benchServerFile, setUpBenchServer } from "./bench-server.mjs";
import { buildAgent, buildModule, buildPeer, buildServer } from "./build.mjs";
import { add, failedFilesOfNode, ofCargoTest, ofCheck, ofNextest, ofNode } from "./counts.mjs";
import { setUp } from "./setup.mjs";
import { browserEnv } from "./setup-browser.mjs";
import { installNpm } from "./setup-npm.mjs";
import { findProgram, installPackages } from "./setup-packages.mjs";
import { wasmEnv, wasmTarget } from "./setup-wasm.mjs";
import { attempt, root, run, step } from "./step.mjs";

const natives = ["--workspace", "--exclude", "pleione"];
const denyWarnings = ["--", "-D", "warnings"];
const sectionSecondsMax = 1500;
const advisoriesSecondsMax = 45;

/** Runs a test program; one that fails without a failed test (it did not compile, it hung) counts as one. */
async function counted(count, command, args, options = {}) {
  const { code, output } = await attempt(command, args, { limitSeconds: sectionSecondsMax, ...options });
  const counts = count(output);
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  return { ...counts, output: code === 0 ? "" : output };
}

/** Runs a command that is one test. */
async function check(command, args, options) {
  const result = await counted(ofCheck, command, args, options);
  return { ...result, passed: result.failed === 0 ? 1 : 0 };
}

const together = (...results) => ({ ...add(...results), output: results.map((result) => result.output).join("") });

async function deny() {
  const kinds = ["bans", "licenses", "sources"];
  const fetched = await attempt("cargo", ["deny", "fetch", "db"], { limitSeconds: advisoriesSecondsMax });
  if (fetched.code === 0) kinds.push("advisories");
  const result = await check("cargo", ["deny", "--workspace", "--log-level", "error", "check", ...kinds]);
  return { ...result, note: fetched.code === 0 ? "" : "advisories out of reach, not checked" };
}

async function rust() {
  const nextest = await counted(ofNextest, "cargo", ["nextest", "run", ...natives, "--no-fail-fast"]);
  const docs = await counted(ofCargoTest, "cargo", ["test", "--doc", "--no-fail-fast", ...natives]);
  return together(nextest, docs);
}

// The back end, and what a server and an agent do with it. What it needs takes some 13 minutes of a processor to compile from
// nothing, so it runs when it is asked for: `npm test -- --only pglite`.
const pglite = () => {
  const ofAll = ["pleione-sync", "pleione-agent", "storage"].flatMap((name) => ["-p", name, "--features", `${name}/pglite`]);
  return counted(ofNextest, "cargo", ["nextest", "run", ...ofAll, "-E", "test(pglite)", "--no-fail-fast"]);
};

// wasm-pack hands every further argument to `cargo build` too, so `--no-fail-fast` cannot be asked for here.
const wasm = () => {
  const args = ["test", "--headless", "--chrome", "--chromedriver", browserEnv.CHROMEDRIVER];
  return counted(ofCargoTest, "wasm-pack", args, { env: { ...wasmEnv, ...browserEnv } });
};

function testFiles(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true });
  const tests = names.filter((name) => name.endsWith(".test.mjs") && !name.includes("node_modules"));
  return tests.map((name) => join(folder, name)).sort();
}

const nodeTests = (files) =>
  counted(ofNode, process.execPath, ["--test", "--test-timeout=120000", "--test-reporter=spec", ...files], { env: browserEnv });

async function node(folder) {
  const files = testFiles(folder);
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0, output: "" };
  return nodeTests(files);
}

/**
 * Tests of several programs that run at once (browsers, servers, npm's nodes). Where a single file failed, it runs again by
 * itself, as a machine that stood still for seconds breaks any limit of time; what then passes is told, never silent.
 */
async function programs(folder) {
  const first = await node(folder);
  const files = failedFilesOfNode(first.output);
  if (files.length !== 1) return first;
  const second = await nodeTests(files);
  if (second.failed > 0) return { ...first, output: first.output + second.output };
  const { passed, failed, skipped } = first;
  return { passed: passed + failed, failed: 0, skipped, output: "", note: `${failed} not at the first try`, firstTry: first.output };
}

async function browserAndServer() {
  await setUp("browser");
  await buildModule();
  await buildServer();
  await buildAgent();
}

const interopFolder = join(root, "tests", "interop");
const scxmlFolder = join(root, "tests", "scxml");
const benchFile = join(root, "bench", "run.mjs");
const hasShortBench = () => existsSync(benchFile) && readFileSync(benchFile, "utf8").includes("--short");

/** Every section, in the order in which they run; `setUp` throws when the machine cannot be made ready. */
export const sections = [
  { name: "scripts", setUp: async () => {}, run: () => node(join(root, "scripts")) },
  { name: "fmt", setUp: () => setUp("rust"), run: () => check("cargo", ["fmt", "--all", "--", "--check"]) },
  { name: "clippy", setUp: () => setUp("rust"), run: () => check("cargo", ["clippy", ...natives, "--all-targets", ...denyWarnings]) },
  {
    name: "clippy-wasm",
    setUp: () => setUp("rust", "wasm"),
    run: () => check("cargo", ["clippy", "-p", "pleione", "--all-targets", "--target", wasmTarget, ...denyWarnings], { env: wasmEnv }),
  },
  { name: "deny", setUp: () => setUp("rust", "deny"), run: deny },
  { name: "rust", setUp: () => setUp("rust", "nextest", "postgres"), run: rust },
  {
    name: "scxml",
    setUp: async () => {
      await setUp("rust");
      await step("set up: npm packages of tests/scxml", () => installNpm(scxmlFolder));
      // Before the tests, whose time is bounded: a first build on a busy machine takes minutes.
      await step("build: the charts' runner", () => run("cargo", ["build", "--package", "engine", "--example", "scxml"]).then(() => undefined));
    },
    run: () => node(scxmlFolder),
  },
  { name: "pglite", onDemand: true, setUp: () => setUp("rust", "nextest"), run: pglite },
  { name: "wasm", setUp: () => setUp("rust", "wasm", "bindgen", "wasmPack", "browser"), run: wasm },
  { name: "e2e", setUp: browserAndServer, run: () => programs(join(root, "tests", "e2e")) },
  {
    name: "interop",
    isThere: () => existsSync(interopFolder),
    setUp: async () => {
      await browserAndServer();
      await buildPeer();
      await step("set up: OpenSSL", async () => findProgram("openssl") ?? installPackages("OpenSSL", "openssl"));
      await step("set up: npm packages of tests/interop", () => installNpm(interopFolder, "--legacy-peer-deps"));
    },
    run: () => programs(interopFolder),
  },
  {
    name: "bench",
    isThere: hasShortBench,
    setUp: browserAndServer,
    run: () => check(process.execPath, [benchFile, "--short"], { env: browserEnv }),
  },
  { name: "bench-data", setUp: setUpBenchData, run: () => check(process.execPath, [benchDataFile, "--short"]) },
  {
    name: "bench-machines",
    setUp: setUpBenchMachines,
    run: () => check(process.execPath, ["--expose-gc", benchMachinesFile, "--short"], { env: browserEnv }),
  },
  { name: "bench-server", setUp: setUpBenchServer, run: () => check(process.execPath, [benchServerFile, "--short"]) },
];

/** The sections of `npm run lint`: no test runs. */
export const lintNames = ["fmt", "clippy", "clippy-wasm", "deny"];
