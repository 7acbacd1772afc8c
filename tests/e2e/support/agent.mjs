// The real agent as a child process of a test: with an account, a database and a port of its own.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { Program, programOf } from "./program.mjs";

const program = programOf("pleione-agent", "PLEIONE_AGENT");

/** The secret of a new account. */
export function newSecret() {
  const told = execFileSync(program, ["account"], { encoding: "utf8" });
  return /AGENT_MAIA_AGENT_SECRET=(\S+)/.exec(told)[1];
}

class Agent extends Program {
  #settings;

  constructor(settings) {
    super(program, "pleione-agent-");
    this.#settings = { AGENT_MAIA_DB_PATH: join(this.folder, "agent.db"), AGENT_MAIA_HTTP_ADDRESS: "127.0.0.1:0", ...settings };
  }

  /** Starts it, for the first time or again. */
  async start() {
    await this.run(this.#settings, /answers at http:\/\//);
  }
}

/** A started agent that is gone when the test `t` is over. */
export async function startAgent(t, settings) {
  const agent = new Agent(settings);
  t.after(() => agent.remove());
  await agent.start();
  return agent;
}
