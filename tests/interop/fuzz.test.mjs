// R10, differential: our nodes and npm's in one network of bad weather show the same in the end. `npm run fuzz` runs 10,000 cases.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCases } from "./fuzz/run.mjs";

test("r10: our nodes show what a fresh npm node shows, in 200 random histories", { timeout: 600_000 }, async (context) => {
  const reports = [];
  const sums = await runCases(200, 1, (report) => reports.push(report));
  context.diagnostic(JSON.stringify(sums));
  const found = reports.filter((report) => report.found.length > 0).map(({ seed, found: [first] }) => ({ seed, ...first }));
  assert.deepEqual(found, [], "repeat one with `node tests/interop/fuzz/run.mjs 1 SEED`");
  assert.ok(sums.judged > 10_000 && sums.operations - sums.refused > 5_000, JSON.stringify(sums));
});
