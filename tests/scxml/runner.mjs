// Runs converted tests in the engine, natively, and hands back what each found.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Where the outcome of every test is told. */
export const pageFile = join(root, "docs", "scxml.md");

/** What was different from what is expected, by the tests' names; null where nothing was. */
export async function runCases(tests) {
  const cases = tests.map(({ group, name, case: it }) => ({ name: `${group}/${name}`, ...it }));
  const args = ["run", "--quiet", "--package", "engine", "--example", "scxml"];
  const child = spawn("cargo", args, { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end(JSON.stringify(cases));
  let output = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) output += chunk;
  return new Map(JSON.parse(output).map(({ name, found }) => [name, found]));
}

/** The whole suite, `[{group, name, needsScript, outcome}]`: "passed", why it cannot be run, or what was different. */
export async function runSuite(tests) {
  const found = await runCases(tests.filter((test) => test.case));
  const outcome = ({ group, name, reason }) => reason ?? found.get(`${group}/${name}`) ?? "passed";
  return tests.map((test) => ({ group: test.group, name: test.name, needsScript: test.needsScript, outcome: outcome(test) }));
}
