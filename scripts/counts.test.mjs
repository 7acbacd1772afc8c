// Owns the proof that summaries are read right: were a count misread, a failed test could look like success.
import assert from "node:assert/strict";
import test from "node:test";
import { add, failedFilesOfNode, failuresOf, ofCargoTest, ofNextest, ofNode } from "./counts.mjs";

const counts = (passed, failed, skipped) => ({ passed, failed, skipped });
const cases = [
  ["nextest, all pass", ofNextest, "     Summary [   0.006s] 12 tests run: 12 passed (1 slow), 4 skipped\n", counts(12, 0, 4)],
  ["nextest, some fail", ofNextest, "     Summary [   0.137s] 4 tests run: 2 passed, 2 failed, 1 skipped\n", counts(2, 2, 1)],
  ["nextest, stopped early", ofNextest, "     Summary [   0.131s] 3/4 tests run: 1 passed, 2 failed, 1 skipped\n", counts(1, 2, 1)],
  ["nextest, one test", ofNextest, "     Summary [   0.102s] 1 test run: 0 passed, 1 timed out, 4 skipped\n", counts(0, 1, 4)],
  ["nextest, did not compile", ofNextest, "error: could not compile `cojson`\n", counts(0, 0, 0)],
  [
    "cargo test, several programs",
    ofCargoTest,
    "test result: ok. 2 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0.01s\n" +
      "test result: FAILED. 13 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.63s\n",
    counts(15, 1, 2),
  ],
  ["node --test", ofNode, "ℹ tests 8\nℹ suites 1\nℹ pass 3\nℹ fail 2\nℹ cancelled 1\nℹ skipped 1\nℹ todo 1\n", counts(3, 3, 2)],
];

for (const [name, count, output, expected] of cases) {
  test(`counts: ${name}`, () => assert.deepEqual(count(output), expected));
}

test("counts: added up", () => assert.deepEqual(add(counts(1, 2, 3), counts(10, 20, 30)), counts(11, 22, 33)));

const failed = "✔ one (1ms)\n✖ two (2ms)\nℹ fail 1\n\n✖ failing tests:\n\ntest at tests/a.test.mjs:9:5\n✖ two (2ms)\n  why\n\ntest at tests/a.test.mjs:3:1\n✖ suite\n";

test("counts: the files in which tests failed, each once", () => assert.deepEqual(failedFilesOfNode(failed), ["tests/a.test.mjs"]));
test("counts: the failures alone are told again", () => assert.ok(failuresOf(failed).startsWith("✖ failing tests:\n\ntest at")));
test("counts: an output without a list of failures ends with its reason", () => assert.equal(failuresOf(`${"x\n".repeat(200)}why\n`).split("\n").at(-1), "why"));
