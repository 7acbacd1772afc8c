// The SCXML suite, run by the engine: every chart that can be said as a definition does what the suite expects.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { pageOf } from "./page.mjs";
import { pageFile, runSuite } from "./runner.mjs";
import { readSuite } from "./suite.mjs";

const tests = readSuite();
const outcomes = await runSuite(tests);

for (const [index, { group, name, outcome }] of outcomes.entries()) {
  if (!tests[index].reason) test(`${group}: ${name}`, () => assert.equal(outcome, "passed"));
}

test("docs/scxml.md says what came of each test", () => {
  assert.equal(readFileSync(pageFile, "utf8"), pageOf(outcomes), "run node tests/scxml/write-page.mjs");
});
