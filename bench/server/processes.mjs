// Owns the processes of the benchmark: our server, the reference, the load; and what the system says that they used.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..", "..");
const built = (...names) => join(process.env.PLEIONE_BUILT ?? join(root, "target", "release"), ...names);
const tickMs = 10; // a clock tick of /proc, on every Linux there is
const startMsMax = 60_000;
const filesMax = 20_000; // a file for each connection

/** Runs a program that may open as many connections as the benchmark needs. */
const start = (command, args, env = {}) =>
  spawn("sh", ["-c", `ulimit -n ${filesMax}; exec "$0" "$@"`, command, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["pipe", "pipe", "inherit"],
  });

async function firstLine(child) {
  const late = AbortSignal.timeout(startMsMax);
  const ended = once(child, "exit", { signal: late }).then(() => [""]);
  const [line] = await Promise.race([once(createInterface(child.stdout), "line", { signal: late }), ended]);
  return line;
}

/** A running server that is looked at from outside. */
class Measured {
  #child;
  #port;

  constructor(child, port) {
    this.#child = child;
    this.#port = port;
  }

  get port() {
    return this.#port;
  }

  /** Milliseconds of processor time so far. */
  cpuMs() {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const [user, system] = stat.slice(stat.lastIndexOf(")")).split(" ").slice(12, 14);
    return (Number(user) + Number(system)) * tickMs;
  }

  #memory(name) {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)[1]) * 1024;
  }

  /** Bytes in memory now. */
  residentBytes = () => this.#memory("VmRSS");

  /** The most bytes that were in memory. */
  peakBytes = () => this.#memory("VmHWM");

  async stop() {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }
}

/** Starts our server on this SQLite file, or with a file of its own that goes with it. Limits per address are lifted. */
export async function startOurs(file) {
  const folder = file ? undefined : mkdtempSync(join(tmpdir(), "pleione-bench-"));
  const env = {
    SYNC_MAIA_STORAGE: "sqlite",
    DB_PATH: file ?? join(folder, "sync.db"),
    BIND_ADDRESS: "127.0.0.1",
    PORT: "0",
    CONNECTIONS_PER_ADDRESS_MAX: String(filesMax),
  };
  const begun = performance.now();
  const child = start(built("pleione-sync"), [], env);
  const line = await firstLine(child);
  const startMs = performance.now() - begun;
  const port = /http:\/\/[^:]+:(\d+)\//.exec(line)?.[1];
  if (!port) throw new Error(`our server did not start: ${line}`);
  const server = new Measured(child, Number(port));
  server.startMs = startMs;
  if (folder) child.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return server;
}

/** Starts the reference. */
export async function startNpm() {
  const child = start(process.execPath, [join(here, "npm-server.mjs")]);
  const port = /listening (\d+)/.exec(await firstLine(child))?.[1];
  if (!port) throw new Error("the reference did not start");
  return new Measured(child, Number(port));
}

/** Runs a command of the load to its end and hands back its figures. */
export async function load(...args) {
  const child = start(built("examples", "load"), args.map(String));
  const lines = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`load ${args.join(" ")} ended with code ${code}`);
  return JSON.parse(lines.at(-1));
}

/** Holds idle connections while `work` looks at the server. */
export async function whileIdle(port, connections, work) {
  const child = start(built("examples", "load"), ["idle", String(port), String(connections)]);
  if (!(await firstLine(child))) throw new Error("the connections were not opened");
  const result = await work();
  const ended = once(child, "exit");
  child.stdin.end();
  await ended;
  return result;
}

/** Records genuine clients' traffic against the reference into `folder`. */
export async function record(folder, clients, transactions, perMessage) {
  const server = await startNpm();
  const args = [server.port, folder, clients, transactions, perMessage].map(String);
  const child = start(process.execPath, [join(here, "record.mjs"), ...args]);
  const [code] = await once(child, "exit");
  await server.stop();
  if (code !== 0) throw new Error("the traffic could not be recorded");
}
