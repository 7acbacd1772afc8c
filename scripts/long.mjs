// Owns the long forms of tests that `npm test` runs for a moment: `npm run crash`, `npm run soak` and `npm run fuzz`. The
// server is a release build, but with PGlite, which is built for tests alone. How long is a variable (CRASH_ROUNDS,
// SOAK_SECONDS, FUZZ_SECONDS), what is random repeats with its seed (CRASH_SEED, SOAK_SEED, FUZZ_SEED), and SYNC_MAIA_STORAGE names the one back end that is to crash.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { buildServer } from "./build.mjs";
import { setUp } from "./setup.mjs";
import { baseEnv, main, root, StepError } from "./step.mjs";

const storage = process.env.SYNC_MAIA_STORAGE ?? "";
const features = storage === "pglite" ? ["--features", "pglite"] : [];
const forms = {
  crash: { tests: `test(/^crash::.*kills_with_${storage}/)`, env: { CRASH_ROUNDS: "200" }, needs: ["postgres"] },
  soak: { tests: "test(/^soak::/)", env: { SOAK_SECONDS: "3600" }, needs: [] },
  fuzz: { tests: "test(/^fuzz::/)", env: { FUZZ_SECONDS: "600" }, needs: [] },
};

await main(async () => {
  const form = forms[process.argv[2]];
  if (!form) throw new StepError(`usage: node scripts/long.mjs ${Object.keys(forms).join(" | ")}`);
  await setUp("rust", "nextest", ...form.needs);
  const binary = features.length > 0 ? {} : { PLEIONE_SYNC_BIN: join(root, "target", "release", "pleione-sync") };
  if (features.length === 0) await buildServer();
  const env = { ...binary, ...form.env, ...baseEnv };
  // One after the other: they share the processors, and what they say is worth reading while it is said.
  const args = ["nextest", "run", "-p", "pleione-sync", ...features, "--test", "server", "--no-capture", "--no-fail-fast", "-E", form.tests];
  const tests = spawn("cargo", args, { cwd: root, env, stdio: "inherit" });
  process.exitCode = await new Promise((resolve) => tests.on("exit", (code) => resolve(code ?? 1)));
});
