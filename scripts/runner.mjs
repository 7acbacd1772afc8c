// Owns the run of sections: in order, a failing one stops no later one, a table at the end, and the last line
// `N passed, N failed`. A section that ran no test has failed: silence must not look like success.
import { failuresOf } from "./counts.mjs";
import { say, seconds, step, StepError, verbose } from "./step.mjs";

const nothing = { passed: 0, failed: 0, skipped: 0, note: "" };

async function prepared(section) {
  try {
    await section.setUp();
    return undefined;
  } catch (error) {
    return { ...nothing, failed: 1, note: "could not be set up", output: `${error.output ?? ""}\n${error.message}` };
  }
}

async function runSection(section) {
  const result = (await prepared(section)) ?? { ...nothing, ...(await section.run()) };
  if (result.passed + result.failed === 0) return { ...result, failed: 1, note: "no test ran" };
  return result;
}

const words = ({ passed, failed, skipped, note }) =>
  [`${passed} passed`, `${failed} failed`, skipped > 0 ? `${skipped} skipped` : "", note].filter(Boolean).join(", ");

async function told(section) {
  const start = performance.now();
  let result = { ...nothing, failed: 1, note: "stopped by an error" };
  try {
    await step(`test: ${section.name}`, async () => {
      result = await runSection(section);
      if (result.failed > 0) throw new StepError(words(result), result.output);
      return words(result);
    });
  } catch (error) {
    if (error.output && !verbose) say(error.output);
    say(`       ${section.name}: ${error.message}`);
    result.failures = failuresOf(error.output || error.message);
  }
  return { ...result, name: section.name, ms: performance.now() - start };
}

function sayTable(results) {
  say("");
  for (const result of results) say(`${result.name.padEnd(12)} ${seconds(result.ms).padStart(12)}   ${words(result)}`);
}

// Whoever reads the end of a long log need not search it.
function sayFailures(results) {
  for (const { name, failures, firstTry } of results) {
    if (failures) say(`\n${name} failed:\n${failures}`);
    if (firstTry) say(`\n${name}, what failed at the first try:\n${failuresOf(firstTry)}`);
  }
}

/** Runs the sections that are there; sets the exit code. */
export async function runSections(sections) {
  const start = performance.now();
  const results = [];
  for (const section of sections.filter(({ isThere }) => isThere?.() ?? true)) results.push(await told(section));
  const total = (key) => results.reduce((sum, result) => sum + result[key], 0);
  sayFailures(results);
  sayTable(results);
  say(`${"all".padEnd(12)} ${seconds(performance.now() - start).padStart(12)}\n`);
  process.exitCode = total("failed") > 0 || total("passed") === 0 ? 1 : 0;
  say(`${total("passed")} passed, ${total("failed")} failed`);
}
