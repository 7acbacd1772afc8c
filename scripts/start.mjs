// Owns `npm start`: builds what is out of date, starts the sync server, which serves the demo too, and an agent of the demo's
// account, and says where they are. PORT (4203 unless told) and WWW_DIR (www) are handed on to the server; the account is
// made once and kept in target/demo.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { build } from "./build.mjs";
import { baseEnv, main, root, step, StepError } from "./step.mjs";

const port = Number(process.env.PORT ?? 4203);
const readyMsMax = 30_000;
const retryMs = 50;

/** Whether something listens on the port. */
function isListening() {
  return new Promise((resolve) => {
    const socket = connect(port, "localhost");
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => end(true)).on("error", () => end(false));
  });
}

async function untilListening(server) {
  for (const start = performance.now(); performance.now() - start < readyMsMax; ) {
    if (server.exitCode !== null) throw new StepError(`the server ended with code ${server.exitCode}`);
    if (await isListening()) return;
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
  throw new StepError(`the server did not listen on port ${port} within ${readyMsMax / 1000} s`);
}

const agentProgram = join(root, "target", "release", "pleione-agent");
const demo = join(root, "target", "demo");

/** The account of the demo: variables of the agent. */
function demoAccount() {
  const file = join(demo, "account.env");
  if (!existsSync(file)) {
    mkdirSync(demo, { recursive: true });
    writeFileSync(file, execFileSync(agentProgram, ["account"]), { mode: 0o600 });
  }
  const lines = readFileSync(file, "utf8").split("\n").filter((line) => line.includes("="));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

/** Starts the agent, which hosts what the demo's page publishes. It asks every host with a public address unless told. */
function startAgent(account) {
  const env = {
    ...baseEnv,
    AGENT_MAIA_HTTP_HOSTS: "*",
    AGENT_MAIA_HTTP_ADDRESS: "127.0.0.1:0",
    AGENT_MAIA_PROFILE_NAME: "Helper",
    ...process.env,
    ...account,
    AGENT_MAIA_DB_PATH: join(demo, "agent.db"),
    AGENT_MAIA_SYNC_DOMAIN: `localhost:${port}`,
  };
  const agent = spawn(agentProgram, { cwd: root, env, stdio: "inherit" });
  process.on("exit", () => agent.kill());
}

await main(async () => {
  await build();
  if (await isListening()) throw new StepError(`port ${port} is taken: stop what listens there, or choose another with PORT=…`);
  const env = { ...baseEnv, PORT: String(port), WWW_DIR: process.env.WWW_DIR ?? "www" };
  const server = spawn(join(root, "target", "release", "pleione-sync"), { cwd: root, env, stdio: "inherit" });
  process.on("exit", () => server.kill());
  await step("start: the sync server", () => untilListening(server));
  server.on("exit", (code) => process.exit(code ?? 1));
  const account = demoAccount();
  startAgent(account);
  const link = `http://localhost:${port}/#${new URLSearchParams({ secret: account.AGENT_MAIA_AGENT_SECRET })}`;
  console.log(`\nPleione is at http://localhost:${port}/  (sync: ws://localhost:${port}/sync). Ctrl+C stops it.`);
  console.log(`With an agent that names to-dos which are links: ${link}`);
});
