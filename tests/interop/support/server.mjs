// Owns the server under test: the real binary with a database of its own, which can be killed and started again.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));
export const binary = process.env.PLEIONE_SYNC_BIN ?? join(root, "target", "release", "pleione-sync");
const startMsMax = 10_000;

export class Server {
  #folder = mkdtempSync(join(tmpdir(), "pleione-interop-"));
  #process;
  #port = 0;
  #settings;

  constructor(settings) {
    this.#settings = settings;
  }

  /** Starts the binary, with further settings if wanted; the port of the first start is kept, so that clients find it again. */
  static async start(settings = {}) {
    const server = new Server(settings);
    await server.start();
    return server;
  }

  get url() {
    return `${this.#settings.TLS_CERT ? "wss" : "ws"}://127.0.0.1:${this.#port}/sync`;
  }

  get #env() {
    return {
      PATH: process.env.PATH,
      SYNC_MAIA_STORAGE: "sqlite",
      DB_PATH: join(this.#folder, "sync.db"),
      BIND_ADDRESS: "127.0.0.1",
      PORT: String(this.#port),
      ...this.#settings,
    };
  }

  /** Runs `pleione-sync token` for this server; hands back what it prints. */
  token(...args) {
    return execFileSync(binary, ["token", ...args], { env: this.#env, encoding: "utf8" }).trim();
  }

  async start() {
    this.#process = spawn(binary, { env: this.#env, stdio: ["ignore", "pipe", "inherit"] });
    const late = AbortSignal.timeout(startMsMax);
    const [line] = await once(createInterface(this.#process.stdout), "line", { signal: late });
    this.#port = Number(/https?:\/\/[^:]+:(\d+)\//.exec(line)[1]);
  }

  /** What the server refused so far, by reason: nothing of a genuine peer should be. */
  async refused() {
    const answer = await fetch(`http://127.0.0.1:${this.#port}/health`);
    return (await answer.json()).refused;
  }

  /** Ends the process as a power cut would: at once. */
  async kill() {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  /** Ends it as an operator would; hands back the exit code. */
  async stop() {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGTERM");
    const [code] = await ended;
    rmSync(this.#folder, { recursive: true });
    return code;
  }
}
