// Owns the build: the browser package in pkg/, the server and the agent in target/release. cargo decides what is out of date; what
// follows it (bindings, wasm-opt) is skipped when the compiled module and the options are those of the last time.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { nameByLikeness } from "./order-functions.mjs";
import { setUp } from "./setup.mjs";
import { shortenNames } from "./short-names.mjs";
import { stdBuild } from "./setup-std.mjs";
import { wasmEnv, wasmTarget, wasmTargetDir } from "./setup-wasm.mjs";
import { isMain, main, root, run, say, step } from "./step.mjs";

const pkg = join(root, "pkg");
const compiled = join(wasmTargetDir, wasmTarget, "module", "pleione.wasm");
const stampFile = join(root, "target", "pkg.stamp");

// Named one by one: `--all-features` writes what browsers do not read yet, and the section that lists them is gone from a
// stripped module.
const wasmFeatures = [
  "--enable-bulk-memory",
  "--enable-bulk-memory-opt",
  "--enable-sign-ext",
  "--enable-mutable-globals",
  "--enable-nontrapping-float-to-int",
  "--enable-reference-types",
  "--enable-multivalue",
];
// The stack lies lowest and grows down, so nothing is kept in the first kilobyte; memory is the module's own, so it
// starts as zeros.
const optimise = ["-Oz", "--low-memory-unused", "--zero-filled-memory", "--strip-producers", "--strip-target-features"];
const order = ["--reorder-functions-by-name", "--strip-debug"];

/** Compiles a crate as a browser module, as it is shipped; hands back the file. */
export async function compileModule(crate) {
  // `cargo rustc --crate-type cdylib`: a library that is also an rlib would skip LTO without a word.
  const module = ["--profile", "module", "--lib", "--crate-type", "cdylib", "--target", wasmTarget];
  await run("cargo", ["rustc", "-p", crate, ...module, ...stdBuild.args], { env: { ...wasmEnv, ...stdBuild.env } });
  return join(wasmTargetDir, wasmTarget, "module", `${crate.replaceAll("-", "_")}.wasm`);
}

/** Makes a module with its bindings as small as it is shipped. */
export async function optimiseModule(wasm) {
  const wasmOpt = join(root, "node_modules", "binaryen", "bin", "wasm-opt");
  const change = (how) => run(process.execPath, [wasmOpt, ...wasmFeatures, ...how, wasm, "-o", wasm]);
  await change(optimise);
  nameByLikeness(wasm);
  await change(order);
}

const stampNow = () => {
  const { size, mtimeMs } = statSync(compiled);
  return JSON.stringify({ size, mtimeMs, flags: [wasmFeatures, optimise, order] });
};
const isPackaged = () => existsSync(join(pkg, "package.json")) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stampNow();

function writeManifest(folder) {
  const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const manifest = {
    name: "pleione",
    version,
    description: "Actors in the browser that keep their state and sync",
    license,
    type: "module",
    main: "pleione.js",
    types: "pleione.d.ts",
    exports: { ".": { types: "./pleione.d.ts", default: "./pleione.js" }, "./pleione_bg.wasm": "./pleione_bg.wasm" },
    files: ["pleione.js", "pleione.d.ts", "pleione_bg.wasm", "pleione_bg.wasm.d.ts", "snippets"],
    sideEffects: ["./snippets/*"],
  };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

// Made beside pkg/ and moved there whole, so a running server never serves half a package.
async function packageModule() {
  const next = join(root, "target", "pkg-next");
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { recursive: true });
  await run("wasm-bindgen", ["--target", "web", "--out-name", "pleione", "--out-dir", next, compiled]);
  shortenBindings(next);
  await optimiseModule(join(next, "pleione_bg.wasm"));
  await minifyScripts(next);
  writeManifest(next);
  rmSync(pkg, { recursive: true, force: true });
  renameSync(next, pkg);
  writeFileSync(stampFile, stampNow());
}

function shortenBindings(folder) {
  const files = ["pleione.js", "pleione.d.ts", "pleione_bg.wasm.d.ts"].map((name) => join(folder, name));
  const texts = shortenNames(join(folder, "pleione_bg.wasm"), files.map((file) => readFileSync(file, "utf8")));
  files.forEach((file, index) => writeFileSync(file, texts[index]));
}

// Bindings and snippets: names inside them, comments and spaces. The types beside them keep the documentation.
async function minifyScripts(folder) {
  const { minify } = await import("terser"); // only now: npm's packages may just have been installed
  for (const file of filesOf(folder).filter((name) => name.endsWith(".js"))) {
    const { code } = await minify(readFileSync(file, "utf8"), { module: true, compress: { passes: 2 } });
    writeFileSync(file, code);
  }
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true }).map((name) => join(folder, name)).filter((file) => statSync(file).isFile());
}

function saySizes() {
  const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(10);
  const shipped = filesOf(pkg).filter((file) => /\.(wasm|js)$/.test(file));
  const totals = [0, 0, 0];
  const line = (name, sizes) => say(`       ${name.padEnd(18)} raw ${kb(sizes[0])}  gzip ${kb(sizes[1])}  brotli ${kb(sizes[2])}`);
  for (const extension of [".wasm", ".js"]) {
    const contents = shipped.filter((file) => file.endsWith(extension)).map((file) => readFileSync(file));
    const sizes = [(it) => it, gzipSync, brotliCompressSync].map((pack) => contents.reduce((sum, it) => sum + pack(it).length, 0));
    sizes.forEach((size, index) => (totals[index] += size));
    line(`pkg/*${extension}`, sizes);
  }
  line("together", totals);
}

/** Builds pkg/, setting up what that needs. */
export async function buildModule() {
  await setUp("rust", "wasm", "std", "bindgen", "npm");
  await step("build: the browser module", () => compileModule("pleione").then(() => undefined));
  if (isPackaged()) return say("  ok   build: pkg/ is up to date");
  await step("build: pkg/ (bindings, wasm-opt)", packageModule);
  saySizes();
}

/** Builds target/release/pleione-sync. */
export async function buildServer() {
  await setUp("rust");
  await step("build: the sync server", () => run("cargo", ["build", "--release", "-p", "pleione-sync"]).then(() => undefined));
}

/** Builds target/release/pleione-agent. */
export async function buildAgent() {
  await setUp("rust");
  await step("build: the agent", () => run("cargo", ["build", "--release", "-p", "pleione-agent"]).then(() => undefined));
}

/** Builds target/debug/peer: our nodes, as tests drive them. */
export async function buildPeer() {
  await setUp("rust");
  await step("build: our nodes for tests", () => run("cargo", ["build", "-p", "peer"]).then(() => undefined));
}

/** Builds what is shipped. */
export async function build() {
  await buildModule();
  await buildServer();
  await buildAgent();
}

if (isMain(import.meta.url)) await main(build);
