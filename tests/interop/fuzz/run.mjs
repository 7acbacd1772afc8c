// `node run.mjs CASES FIRST_SEED`: runs cases, tells of those that found something, and sums up. Ends with 1 if any did.
import { Peers } from "../support/peer.mjs";
import { runCase } from "./case.mjs";

const [cases, firstSeed] = [Number(process.argv[2] ?? 200), Number(process.argv[3] ?? 1)];
const isOne = cases === 1;
const tellEveryMs = 15_000;

/** Runs cases one after the other; `tell` hears the report of each. Returns the sums. */
export async function runCases(count, first, tell = () => {}) {
  const sums = { cases: 0, operations: 0, refused: 0, judged: 0, ties: 0, copies: 0, stale: 0, branches: 0, deletions: 0, circles: 0, failed: [] };
  const peers = new Peers();
  for (let seed = first; seed < first + count; seed += 1) {
    const report = await runCase(seed, peers);
    sums.cases += 1;
    for (const name of ["operations", "refused", "judged", "ties", "copies", "stale", "branches", "deletions", "circles"]) sums[name] += report[name];
    if (report.found.length > 0) sums.failed.push(seed);
    tell(report);
  }
  await peers.close();
  return sums;
}

if (import.meta.filename === process.argv[1]) {
  let told = Date.now();
  const sums = await runCases(cases, firstSeed, ({ seed, server, found, log }) => {
    if (Date.now() - told > tellEveryMs) {
      console.error(`  ... ${seed - firstSeed + 1} of ${cases} histories`);
      told = Date.now();
    }
    if (isOne) for (const entry of log) console.log(JSON.stringify(entry));
    if (found.length > 0) console.log(`seed ${seed}, server ${server}:\n${found.slice(0, isOne ? 99 : 2).map((it) => `  ${JSON.stringify(it).slice(0, isOne ? 5000 : 700)}`).join("\n")}`);
  });
  console.log(JSON.stringify(sums));
  process.exit(sums.failed.length > 0 ? 1 : 0);
}
