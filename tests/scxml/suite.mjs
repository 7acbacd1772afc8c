// The suite's tests: each chart with what is to be active at first and after each event.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { convert } from "./convert.mjs";
import { Unsupported } from "./expressions.mjs";

const folder = join(dirname(fileURLToPath(import.meta.url)), "node_modules", "@scion-scxml", "test-framework", "test");

// A transition of a region to itself. By the recommendation (`findLCCA`) it leaves the parallel state around too, as the
// least common ancestor must be a compound one. The suite expects that of "legacy" interpreters only, and of others that
// the region alone is left: here the recommendation is followed.
const ofRecommendation = new Set(["more-parallel/test10", "more-parallel/test10b"]);

/** Where the engine does something else on purpose. */
const deviations = new Map([
  ["w3c-ecma/test236.txml", "the end of what was invoked, told after its state was left: here nobody waits for it any more"],
]);

function read(group, name) {
  const deviation = deviations.get(`${group}/${name}`);
  if (deviation) return { reason: deviation };
  const script = join(folder, group, `${name}.json`);
  if (!existsSync(script)) return { reason: "the suite has no script for it: it is run by hand, or part of another" };
  const { legacySemantics, ...current } = JSON.parse(readFileSync(script, "utf8"));
  const { initialConfiguration, events, error } = ofRecommendation.has(`${group}/${name}`) ? legacySemantics : current;
  if (error) return { reason: "a script, or an error of the server that runs it" };
  try {
    const readChart = (file) => readFileSync(join(folder, group, file), "utf8");
    const source = readChart(`${name}.scxml`);
    const converted = convert(source, readChart);
    const expected = [initialConfiguration, ...events.map(({ nextConfiguration }) => nextConfiguration)].flat();
    if (!expected.every((id) => source.includes(`id="${id}"`))) return { reason: "nothing that a program can judge: it expects a state that the chart does not have" };
    const event = ({ event, after = 0, nextConfiguration }) => ({ ...event, after, expected: nextConfiguration });
    // The task that starts an actor also handles what is sent at once, so where events follow only these are looked at.
    const initial = converted.runsOthers && events.length > 0 ? null : initialConfiguration;
    return { case: { ...converted, initial, events: events.map(event) } };
  } catch (error) {
    if (error instanceof Unsupported) return { reason: error.message };
    throw error;
  }
}

const needsScript = (group, name) => /<(script|assign|foreach)\b/.test(readFileSync(join(folder, group, `${name}.scxml`), "utf8").replace(/<!--.*?-->/gs, ""));

/** Every test, `{group, name, needsScript}` with its `case`, or with the `reason` why there is none. */
export function readSuite() {
  const groups = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return groups.flatMap(({ name: group }) => {
    const charts = readdirSync(join(folder, group)).filter((name) => name.endsWith(".scxml"));
    return charts.map((chart) => chart.replace(/\.scxml$/, "")).map((name) => ({ group, name, needsScript: needsScript(group, name), ...read(group, name) }));
  });
}
