// Owns `npm test`: every section but those on demand, or those that `-- --only NAME[,NAME]` names.
import { runSections } from "./runner.mjs";
import { sections } from "./sections.mjs";
import { main, StepError } from "./step.mjs";

const usage = `usage: npm test -- [--verbose] [--only NAME[,NAME]]\nsections: ${sections.map(({ name }) => name).join(", ")}`;

function chosen() {
  const at = process.argv.indexOf("--only");
  if (at < 0) return sections.filter(({ onDemand }) => !onDemand);
  const names = (process.argv[at + 1] ?? "").split(",");
  const unknown = names.filter((name) => !sections.some((section) => section.name === name));
  if (unknown.length > 0) throw new StepError(`no section "${unknown.join(", ")}"\n${usage}`);
  return sections.filter(({ name }) => names.includes(name));
}

await main(() => runSections(chosen()));
