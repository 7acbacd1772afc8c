// Owns `npm run bench:start`: how long the server takes to start on a store of a million values and to serve the first.
import { setUp } from "./setup.mjs";
import { main, run, say, step } from "./step.mjs";

const test = "start::a_store_of_a_million_values_starts_at_once_and_serves_the_first";

await main(async () => {
  await setUp("rust", "nextest");
  const args = ["nextest", "run", "--release", "-p", "pleione-sync", "--run-ignored", "only", "--no-capture", "-E", `test(=${test})`];
  const output = await step("measure: a store of a million values", () => run("cargo", args));
  say(output.match(/^.*values: up after.*$/m)?.[0] ?? "nothing was measured");
});
