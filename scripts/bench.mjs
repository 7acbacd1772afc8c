// Owns `npm run bench`: what the benchmarks measure is built first, then bench/run.mjs is handed the arguments.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "./build.mjs";
import { setUp } from "./setup.mjs";
import { browserEnv } from "./setup-browser.mjs";
import { baseEnv, main, root } from "./step.mjs";

await main(async () => {
  await setUp("browser");
  await build();
  const args = [join(root, "bench", "run.mjs"), ...process.argv.slice(2)];
  const bench = spawn(process.execPath, args, { cwd: root, env: { ...baseEnv, ...browserEnv }, stdio: "inherit" });
  process.exitCode = await new Promise((resolve) => bench.on("exit", (code) => resolve(code ?? 1)));
});
