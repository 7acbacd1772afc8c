import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { shortenNames } from "./short-names.mjs";

const text = (name) => [name.length, ...Buffer.from(name)];

test("a module and its bindings know each other by short names, and what others call keeps its own", () => {
  const module = [
    [1, [1, 0x60, 0, 1, 0x7f]], // a type: () -> i32
    [2, [1, ...text("host"), ...text("__wbg_seven_0123456789abcdef"), 0, 0]],
    [3, [1, 0]],
    [7, [2, ...text("memory"), 0, 1, ...text("runtime_eight_0123456789abcdef"), 0, 1]],
    [10, [1, 7, 0, 0x10, 0, 0x41, 1, 0x6a, 0x0b]], // calls the import and adds 1
  ].flatMap(([kind, content]) => [kind, content.length, ...content]);
  const folder = mkdtempSync(join(tmpdir(), "names-"));
  const file = join(folder, "module.wasm");
  writeFileSync(file, Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...module]));
  const bindings = "({ imports: { __wbg_seven_0123456789abcdef: () => 7 }, eight: (wasm) => wasm.runtime_eight_0123456789abcdef() })";
  const [shortened] = shortenNames(file, [bindings]);
  const bytes = readFileSync(file);
  rmSync(folder, { recursive: true });
  assert.doesNotMatch(shortened + bytes.toString("latin1"), /0123456789abcdef/);
  const { imports, eight } = (0, eval)(shortened);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { host: imports });
  assert.equal(eight(exports), 8);
  assert.equal(exports.memory(), 8);
});
