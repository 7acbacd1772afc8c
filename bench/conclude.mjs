// Ends a bench: its targets are printed and held, and what was measured is written down.
import { writeFileSync } from "node:fs";
import { printTargets } from "./table.mjs";

/** Prints the targets, writes results and targets to `file` if one is given, and fails the process if a target is missed. */
export function conclude(results, targets, file) {
  const { passed, failed } = printTargets(targets);
  if (file) writeFileSync(file, `${JSON.stringify({ ...results, targets }, null, 2)}\n`);
  process.exitCode = failed > 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed`);
}
