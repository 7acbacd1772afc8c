// Owns `npm run bench:several`: what servers that share a database cost, in figures for `docs/scaling.md`.
import { setUp } from "./setup.mjs";
import { main, run, say, step } from "./step.mjs";

const test = "several_measured::what_several_servers_cost";

await main(async () => {
  await setUp("rust", "nextest", "postgres");
  const args = ["nextest", "run", "--release", "-p", "pleione-sync", "--run-ignored", "only", "--no-capture", "-E", `test(=${test})`];
  const output = await step("measure: several servers", () => run("cargo", args));
  const figures = output.match(/^(one|three|new|seen|an? \w+ |the sweep|pleione_).*$/gm);
  say(figures?.join("\n") ?? "nothing was measured");
});
