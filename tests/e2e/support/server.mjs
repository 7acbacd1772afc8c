// The real sync server as a child process of a test: on a free port, with a database file in a folder of its own. A
// server that is started again listens on the same port and has the same file.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Program, programOf, root } from "./program.mjs";

const program = programOf("pleione-sync", "PLEIONE_SYNC");

/** The pages: the demo, or the blank page with the tests' harness. */
export const pages = { demo: join(root, "www"), blank: fileURLToPath(new URL("page", import.meta.url)) };

class Server extends Program {
  #www;
  #settings;
  url;

  constructor(www, settings) {
    super(program, "pleione-server-");
    this.#www = www;
    this.#settings = { ...settings, DB_PATH: join(this.folder, "sync.db") };
  }

  /** Starts it, for the first time or again. */
  async start() {
    const port = this.url ? new URL(this.url).port : "0";
    const page = { PORT: port, BIND_ADDRESS: "127.0.0.1", WWW_DIR: this.#www, PKG_DIR: join(root, "pkg") };
    const address = await this.run({ ...this.#settings, ...page }, /https?:\/\/[^\s/]+:\d+/);
    this.url = `http://localhost:${new URL(address).port}`;
  }

  /** What the tool for its tokens prints. */
  token(...words) {
    const env = { ...process.env, ...this.#settings };
    return execFileSync(program, ["token", ...words], { env, encoding: "utf8" }).trim();
  }
}

/** A started server, with more settings if wanted, that is gone when the test `t` is over. */
export async function startServer(t, www = pages.demo, settings = {}) {
  const server = new Server(www, settings);
  t.after(() => server.remove());
  await server.start();
  return server;
}
