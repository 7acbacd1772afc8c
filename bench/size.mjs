// Measures what a page has to load: the package's wasm and JavaScript, each file compressed by itself as a server sends it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { root } from "../tests/e2e/support/program.mjs";

const kinds = { wasm: /\.wasm$/, javascript: /\.js$/ };

function sizeOf(files) {
  const contents = files.map((file) => readFileSync(file));
  const sum = (pack) => contents.reduce((total, content) => total + pack(content).length, 0);
  return { raw: sum((it) => it), gzip: sum(gzipSync), brotli: sum(brotliCompressSync) };
}

/** Bytes of pkg/: wasm, JavaScript (snippets too), and both. */
export function measureSize() {
  const folder = join(root, "pkg");
  const names = readdirSync(folder, { recursive: true });
  const filesOf = (pattern) => names.filter((name) => pattern.test(name)).map((name) => join(folder, name));
  const result = Object.fromEntries(Object.entries(kinds).map(([kind, pattern]) => [kind, sizeOf(filesOf(pattern))]));
  const both = (key) => result.wasm[key] + result.javascript[key];
  return { ...result, together: { raw: both("raw"), gzip: both("gzip"), brotli: both("brotli") } };
}
