// The real agent as a child process of a test: with an account, a database and a port of its own.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./server.mjs";

const program = process.env.PLEIONE_AGENT ?? join(root, "target", "release", "pleione-agent");
const readyMsMax = 15_000;

/** The secret of a new account. */
export function newSecret() {
  const told = execFileSync(program, ["account"], { encoding: "utf8" });
  return /AGENT_MAIA_AGENT_SECRET=(\S+)/.exec(told)[1];
}

class Agent {
  #folder = mkdtempSync(join(tmpdir(), "pleione-agent-"));
  #settings;
  #child;

  constructor(settings) {
    this.#settings = settings;
  }

  /** Starts it, for the first time or again. */
  async start() {
    const env = {
      ...process.env,
      AGENT_MAIA_DB_PATH: join(this.#folder, "agent.db"),
      AGENT_MAIA_HTTP_ADDRESS: "127.0.0.1:0",
      ...this.#settings,
    };
    this.#child = spawn(program, { env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`the agent ${why}; it said:\n${said}`));
      const timer = setTimeout(fail, readyMsMax, "was not up in time");
      const hear = (text) => {
        said += text;
        if (!said.includes("answers at http://")) return;
        clearTimeout(timer);
        resolve();
      };
      this.#child.stdout.setEncoding("utf8").on("data", hear);
      this.#child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
      this.#child.on("error", (error) => fail(`could not be started: ${error.message}`));
      this.#child.on("exit", (code) => fail(`ended with code ${code}`));
    });
  }

  /** Ends it with a signal and waits until it is gone. */
  async stop(signal = "SIGTERM") {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.on("exit", resolve));
    child.kill(signal);
    await gone;
  }

  /** Ends it and removes its database. */
  async remove() {
    await this.stop("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A started agent that is gone when the test `t` is over. */
export async function startAgent(t, settings) {
  const agent = new Agent(settings);
  t.after(() => agent.remove());
  await agent.start();
  return agent;
}
