// Owns what is measured, and how: every client does the same work in a process of its own, ours and npm's in turns, so that
// whatever else the machine does falls on both. Work is measured by the processor time of the thread that does it, what waits
// for a server by the clock. Hands back medians and judges nothing.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startNpm, startOurs } from "../server/processes.mjs";
import { median } from "../statistics.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const built = process.env.PLEIONE_BUILT ?? join(here, "..", "..", "target", "release");

/** The four clients: ours and npm's, native and as WebAssembly. */
const clients = {
  ours: { native: [join(built, "bench-data")], wasm: [process.execPath, join(here, "wasm-client.mjs")] },
  npm: { native: [process.execPath, join(here, "npm-client.mjs"), "napi"], wasm: [process.execPath, join(here, "npm-client.mjs"), "wasm"] },
};

async function run([command, ...args], ...rest) {
  const child = spawn(command, [...args, ...rest.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${[command, ...args, ...rest].join(" ")} ended with code ${code}`);
  return JSON.parse(lines.at(-1));
}

const each = (runs, pick) => Object.fromEntries(Object.keys(runs[0]).map((key) => [key, pick(runs.map((it) => it[key]))]));

/** Of some figures the one of the run that was disturbed least. */
export const least = (figures) => Math.min(...figures);

/**
 * One scenario on all four clients; with `isOnline` against a server, ours for ours and npm's for npm's. Of the repetitions the
 * median counts, or what `pick` takes.
 */
export async function measure({ scenario, count, repetitions, isOnline = false, pick = median }) {
  const results = {};
  for (const target of ["native", "wasm"]) {
    const runs = { ours: [], npm: [] };
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      for (const who of ["ours", "npm"]) {
        const server = isOnline ? await (who === "ours" ? startOurs : startNpm)() : undefined;
        try {
          runs[who].push(await run(clients[who][target], scenario, count, ...(server ? [server.port] : [])));
        } finally {
          await server?.stop();
        }
      }
    }
    results[target] = { ours: each(runs.ours, pick), npm: each(runs.npm, pick) };
  }
  return { scenario, count, repetitions, ...results };
}
