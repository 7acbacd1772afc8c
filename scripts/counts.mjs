// Owns how test programs' summaries are read: each function turns an output into {passed, failed, skipped}.

const sum = (output, pattern) => [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);

/** cargo test, and wasm-pack over it: `test result: ok. 3 passed; 0 failed; 1 ignored`, once per test program. */
export const ofCargoTest = (output) => ({
  passed: sum(output, /^test result:.*?(\d+) passed/gm),
  failed: sum(output, /^test result:.*?(\d+) failed/gm),
  skipped: sum(output, /^test result:.*?(\d+) ignored/gm),
});

/** cargo nextest: `Summary [0.5s] 9/10 tests run: 8 passed (1 slow), 1 failed, 2 skipped`; what was begun and did not pass failed. */
export const ofNextest = (output) => ({
  passed: sum(output, /^\s*Summary .*?(\d+) passed/gm),
  failed: sum(output, /^\s*Summary .*?(\d+)(?:\/\d+)? tests? run/gm) - sum(output, /^\s*Summary .*?(\d+) passed/gm),
  skipped: sum(output, /^\s*Summary .*?(\d+) skipped/gm),
});

/** The files of `node --test` in which a test failed: `test at tests/e2e/demo.test.mjs:58:5`, as its list of failures says. */
export const failedFilesOfNode = (output) => [...new Set([...output.matchAll(/^test at (.+?):\d+:\d+$/gm)].map((match) => match[1]))];

const failureLinesMax = 80;
const failureHeads = /^(?:✖ failing tests:|failures:|\s*Summary \[)/gm;

/** What an output says of its failures: from the last list of them on, or else its last lines. */
export function failuresOf(output) {
  const head = [...output.matchAll(failureHeads)].at(-1);
  const lines = output.slice(head?.index ?? 0).trimEnd().split("\n");
  return (head ? lines.slice(0, failureLinesMax) : lines.slice(-failureLinesMax)).join("\n");
}

/** node --test with the spec reporter: `ℹ pass 3`. */
export const ofNode = (output) => ({
  passed: sum(output, /^ℹ pass (\d+)/gm),
  failed: sum(output, /^ℹ (?:fail|cancelled) (\d+)/gm),
  skipped: sum(output, /^ℹ (?:skipped|todo) (\d+)/gm),
});

/** A check that is one test: it passes or it does not. */
export const ofCheck = () => ({ passed: 0, failed: 0, skipped: 0 });

/** Adds counts up. */
export const add = (...counts) => {
  const total = (key) => counts.reduce((sofar, count) => sofar + count[key], 0);
  return { passed: total("passed"), failed: total("failed"), skipped: total("skipped") };
};
