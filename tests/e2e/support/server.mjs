// The real sync server as a child process of a test: on a free port, with a database file in a folder of its own. A
// server that is started again listens on the same port and has the same file.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));
const program = process.env.PLEIONE_SYNC ?? join(root, "target", "release", "pleione-sync");
const readyMsMax = 15_000;

/** The pages: the demo, or the blank page with the tests' harness. */
export const pages = { demo: join(root, "www"), blank: fileURLToPath(new URL("page", import.meta.url)) };

class Server {
  #folder = mkdtempSync(join(tmpdir(), "pleione-server-"));
  #www;
  #settings;
  #child;
  url;

  constructor(www, settings) {
    this.#www = www;
    this.#settings = { ...settings, DB_PATH: join(this.#folder, "sync.db") };
  }

  /** Starts it, for the first time or again. */
  async start() {
    const port = this.url ? new URL(this.url).port : "0";
    const env = { ...process.env, ...this.#settings, PORT: port, BIND_ADDRESS: "127.0.0.1", WWW_DIR: this.#www, PKG_DIR: join(root, "pkg") };
    this.#child = spawn(program, { env, stdio: ["ignore", "pipe", "pipe"] });
    const { port: actual } = new URL(await this.#address());
    this.url = `http://localhost:${actual}`;
  }

  #address() {
    return new Promise((resolve, reject) => {
      let said = "";
      const fail = (why) => reject(new Error(`the server ${why}; it said:\n${said}`));
      const timer = setTimeout(fail, readyMsMax, "did not tell its address in time");
      const hear = (text) => {
        said += text;
        const address = /https?:\/\/[^\s/]+:\d+/.exec(said);
        if (!address) return;
        clearTimeout(timer);
        resolve(address[0]);
      };
      this.#child.stdout.setEncoding("utf8").on("data", hear);
      this.#child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
      this.#child.on("error", (error) => fail(`could not be started: ${error.message}`));
      this.#child.on("exit", (code) => fail(`ended with code ${code}`));
    });
  }

  /** What the tool for its tokens prints. */
  token(...words) {
    const env = { ...process.env, ...this.#settings };
    return execFileSync(program, ["token", ...words], { env, encoding: "utf8" }).trim();
  }

  /** Ends it with a signal and waits until it is gone. */
  async stop(signal = "SIGTERM") {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.on("exit", resolve));
    child.kill(signal);
    await gone;
  }

  /** Ends it and removes its file. */
  async remove() {
    await this.stop("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A started server, with more settings if wanted, that is gone when the test `t` is over. */
export async function startServer(t, www = pages.demo, settings = {}) {
  const server = new Server(www, settings);
  t.after(() => server.remove());
  await server.start();
  return server;
}
