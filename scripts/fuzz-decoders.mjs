// Owns the fuzzers of decoders of bytes from outside (crates/cojson/fuzz): builds them with the stable toolchain, lays out as seeds
// what genuine peers said in the recorded session, and lets libFuzzer search on. What breaks a decoder is put into
// crates/cojson/fuzz/found/<decoder>, which `npm test` tries again each time.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, run, step } from "./step.mjs";

export const decoders = ["frame", "header", "transaction", "sealed", "stored"];

const home = join(root, "crates", "cojson", "fuzz");
const target = "x86_64-unknown-linux-gnu";
// What cargo-fuzz asks of the compiler, but for a sanitizer, which wants a nightly one: there is no unsafe code to be watched.
const coverage = ["level=4", "inline-8bit-counters", "pc-table", "trace-compares"].map((part) => `-Cllvm-args=-sanitizer-coverage-${part}`);
const flags = ["--cfg=fuzzing", "-Cpasses=sancov-module", ...coverage, "-Ccodegen-units=1", "-Cdebug-assertions", "-Coverflow-checks"];

/** Builds all fuzzers. */
export function buildFuzzers() {
  const args = ["build", "--release", "--manifest-path", join(home, "Cargo.toml"), "--target", target];
  const env = { CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f") };
  return step("build: the fuzzers", () => run("cargo", args, { env }).then(() => undefined));
}

/** The program of a decoder's fuzzer and its arguments, for so many seconds. */
export function fuzzer(decoder, seconds) {
  const corpus = seed(decoder);
  const found = folder(join(home, "found", decoder));
  const args = [corpus, found, `-max_total_time=${seconds}`, `-artifact_prefix=${found}/`, "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"];
  return { program: join(home, "target", target, "release", decoder), args };
}

function folder(path) {
  mkdirSync(path, { recursive: true });
  return path;
}

/** A decoder's corpus, with what the recorded session has for it. */
function seed(decoder) {
  const corpus = folder(join(home, "corpus", decoder));
  for (const text of seeds[decoder]()) {
    const path = join(corpus, createHash("sha1").update(text).digest("hex"));
    if (!existsSync(path)) writeFileSync(path, text);
  }
  return corpus;
}

const lines = () => readFileSync(join(root, "crates", "cojson", "tests", "vectors", "frames.jsonl"), "utf8").trim().split("\n");
const frames = () => lines().flatMap((line) => JSON.parse(line).raw ?? []);
const messages = () => frames().flatMap((frame) => frame.split("\n"));

const parts = (value) => (value instanceof Object ? [value, ...Object.values(value).flatMap(parts)] : [value, ...partsOfText(value)]);

/** What is in a text that is JSON itself, as changes are. */
function partsOfText(value) {
  try {
    return typeof value === "string" && value.startsWith("[") ? parts(JSON.parse(value)) : [];
  } catch {
    return [];
  }
}

const all = () => messages().flatMap((message) => parts(JSON.parse(message)));
const objectsWith = (member) => all().filter((part) => part instanceof Object && member in part).map((part) => JSON.stringify(part));

const seeds = {
  frame: frames,
  header: () => objectsWith("ruleset"),
  transaction: () => objectsWith("privacy"),
  sealed: () => all().filter((part) => typeof part === "string" && /^(sealed|encrypted|sealedForGroup)_U/.test(part)),
  stored: () => messages().filter((message) => message.includes('"header":{')),
};
