// Owns `npm start`: builds what is out of date, starts the sync server, which serves the demo too, and says where it is.
// PORT (4203 unless told) and WWW_DIR (www) are handed on to the server.
import { spawn } from "node:child_process";
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

await main(async () => {
  await build();
  if (await isListening()) throw new StepError(`port ${port} is taken: stop what listens there, or choose another with PORT=…`);
  const env = { ...baseEnv, PORT: String(port), WWW_DIR: process.env.WWW_DIR ?? "www" };
  const server = spawn(join(root, "target", "release", "pleione-sync"), { cwd: root, env, stdio: "inherit" });
  process.on("exit", () => server.kill());
  await step("start: the sync server", () => untilListening(server));
  server.on("exit", (code) => process.exit(code ?? 1));
  console.log(`\nPleione is at http://localhost:${port}/  (sync: ws://localhost:${port}/sync). Ctrl+C stops it.`);
});
