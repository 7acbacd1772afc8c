// The page that lists every test of the suite: passed, or why not.
const head = `# The SCXML suite

Every chart of \`@scion-scxml/test-framework\` 2.0.16, converted to a definition (\`tests/scxml/convert.mjs\`) and run by the
engine: a chart by itself as a machine, one that runs others as an actor with those that it invokes. Written by
\`node tests/scxml/write-page.mjs\`; \`npm test\` fails where this page says something else than the run.

Two tests, \`more-parallel/test10\` and \`test10b\`, are expected to do what the suite calls legacy semantics: a region's
transition to itself leaves the parallel state around it too. That is the recommendation's \`findLCCA\`, which the engine
follows; the suite's newer expectation contradicts it. \`error.execution\` and \`error.communication\` are \`ERROR\` here.
Where a chart wants an id made up (\`idlocation\`), its conversion makes it up: in a definition, each name is its author's.

`;

const order = (tests) => [...tests].sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));

function sectionOf(group, tests) {
  const rows = order(tests).map(({ name, outcome }) => `| ${name} | ${outcome} |`);
  const passed = tests.filter(({ outcome }) => outcome === "passed").length;
  return `## ${group}: ${passed} of ${tests.length}\n\n| test | |\n|---|---|\n${rows.join("\n")}\n`;
}

/** `[{group, name, needsScript, outcome}]` as Markdown. */
export function pageOf(tests) {
  const passed = tests.filter(({ outcome }) => outcome === "passed");
  const byReason = new Map();
  for (const { outcome } of tests) if (outcome !== "passed") byReason.set(outcome, (byReason.get(outcome) ?? 0) + 1);
  const why = [...byReason].sort(([, one], [, other]) => other - one).map(([reason, count]) => `| ${count} | ${reason} |`);
  const unscripted = tests.filter((test) => !test.needsScript);
  const ofThese = unscripted.filter(({ outcome }) => outcome === "passed").length;
  const ofUnscripted = `Of the ${unscripted.length} without the elements \`script\`, \`assign\` and \`foreach\`, ${ofThese} pass. The others read what only
ECMAScript has there (\`typeof\`, the system variables), want what a definition has no form for, or have no script.`;
  const groups = [...new Set(tests.map(({ group }) => group))];
  const sections = groups.map((group) => sectionOf(group, tests.filter((test) => test.group === group)));
  const summary = `**${passed.length} of ${tests.length} pass; ${tests.length - passed.length} are not run, because they need:**\n\n| tests | what |\n|---|---|\n${why.join("\n")}\n\n${ofUnscripted}\n`;
  return `${head}${summary}\n${sections.join("\n")}`;
}
