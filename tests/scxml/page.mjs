// The page that lists every test of the suite: passed, or why not.
const head = `# The SCXML suite

Every chart of \`@scion-scxml/test-framework\` 2.0.16, converted to a definition (\`tests/scxml/convert.mjs\`) and run by the
engine. Written by \`node tests/scxml/write-page.mjs\`; \`npm test\` fails where this page says something else than the run.

Two tests, \`more-parallel/test10\` and \`test10b\`, are expected to do what the suite calls legacy semantics: a region's
transition to itself leaves the parallel state around it too. That is the recommendation's \`findLCCA\`, which the engine
follows; the suite's newer expectation contradicts it.

`;

const order = (tests) => [...tests].sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));

function sectionOf(group, tests) {
  const rows = order(tests).map(({ name, outcome }) => `| ${name} | ${outcome} |`);
  const passed = tests.filter(({ outcome }) => outcome === "passed").length;
  return `## ${group}: ${passed} of ${tests.length}\n\n| test | |\n|---|---|\n${rows.join("\n")}\n`;
}

/** `[{group, name, outcome}]` as Markdown. */
export function pageOf(tests) {
  const passed = tests.filter(({ outcome }) => outcome === "passed");
  const byReason = new Map();
  for (const { outcome } of tests) if (outcome !== "passed") byReason.set(outcome, (byReason.get(outcome) ?? 0) + 1);
  const why = [...byReason].sort(([, one], [, other]) => other - one).map(([reason, count]) => `| ${count} | ${reason} |`);
  const groups = [...new Set(tests.map(({ group }) => group))];
  const sections = groups.map((group) => sectionOf(group, tests.filter((test) => test.group === group)));
  const summary = `**${passed.length} of ${tests.length} pass; ${tests.length - passed.length} are not run, because they need:**\n\n| tests | what |\n|---|---|\n${why.join("\n")}\n`;
  return `${head}${summary}\n${sections.join("\n")}`;
}
