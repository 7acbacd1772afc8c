import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nameByLikeness, orderByLikeness } from "./order-functions.mjs";

test("each function stands once, next to those that are like it", () => {
  const [cat, dog] = ["the cat sat on the mat", "a dog went for a long walk"];
  const bodies = [`${cat} today`, `${dog} today`, cat, dog, "?"].map((text) => Buffer.from(text));
  const order = orderByLikeness(bodies);
  assert.deepEqual([...order].sort(), [0, 1, 2, 3, 4]);
  assert.equal(Math.abs(order.indexOf(0) - order.indexOf(2)), 1);
  assert.equal(Math.abs(order.indexOf(1) - order.indexOf(3)), 1);
});

test("a module with names for its order is the same module", () => {
  const constant = (value) => [4, 0, 0x41, value, 0x0b]; // returns the value
  const module = [
    [1, [1, 0x60, 0, 1, 0x7f]], // a type: () -> i32
    [2, [1, 1, 0x65, 1, 0x66, 0, 0]], // imports e.f
    [3, [2, 0, 0]],
    [7, [2, 1, 0x61, 0, 1, 1, 0x62, 0, 2]], // exports a and b
    [10, [2, ...constant(7), ...constant(9)]],
  ].flatMap(([kind, content]) => [kind, content.length, ...content]);
  const folder = mkdtempSync(join(tmpdir(), "order-"));
  const file = join(folder, "module.wasm");
  writeFileSync(file, Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...module]));
  nameByLikeness(file);
  const named = new WebAssembly.Module(readFileSync(file));
  rmSync(folder, { recursive: true });
  const { a, b } = new WebAssembly.Instance(named, { e: { f: () => 0 } }).exports;
  assert.deepEqual([a(), b()], [7, 9]);
  assert.match(Buffer.from(WebAssembly.Module.customSections(named, "name")[0]).toString("latin1"), /import0.*f00000[01].*f00000[01]/s);
});
