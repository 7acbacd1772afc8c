// Owns our own nodes as genuine peers meet them: one native program (`tests/peer`) with as many nodes as a test wants.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program = process.env.PLEIONE_PEER_BIN ?? fileURLToPath(new URL("../../../target/debug/peer", import.meta.url));

/** The program. */
export class Peers {
  #process = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  #waiting = new Map();
  #lastId = 0;
  #send = () => {};

  constructor() {
    createInterface(this.#process.stdout).on("line", (line) => this.#hear(JSON.parse(line)));
    this.#process.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the program with our nodes has ended"));
    });
  }

  #hear({ id, ok, error, sent }) {
    for (const frame of sent) this.#send(...frame);
    const { resolve, reject } = this.#waiting.get(id) ?? {};
    this.#waiting.delete(id);
    if (!resolve) throw new Error(`an answer to nothing: ${error}`);
    if (error === undefined) resolve(ok);
    else reject(new Error(error));
  }

  /** Has `send(node, wire, frame)` called for each frame that a node sends on a wire. */
  onSent(send) {
    this.#send = send;
  }

  /** Tells a node something; see `tests/peer/src/command.rs`. */
  tell(node, command, details = {}) {
    const id = ++this.#lastId;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#process.stdin.write(`${JSON.stringify({ ...details, id, node, do: command })}\n`);
    return answer;
  }

  /** Makes a node. */
  async open(name, opening = {}) {
    return new OurNode(this, name, await this.tell(name, "open", opening));
  }

  /** Ends the program. */
  async close() {
    const ended = new Promise((resolve) => this.#process.on("exit", resolve));
    this.#process.stdin.end();
    await ended;
  }
}

/** One of our nodes. */
export class OurNode {
  #peers;

  constructor(peers, name, { account, secret, ownGroup }) {
    this.#peers = peers;
    Object.assign(this, { name, account, secret, ownGroup });
  }

  tell(command, details) {
    return this.#peers.tell(this.name, command, details);
  }

  /** Connects to a server; resolves when it is connected. */
  async connect(url, link = "server") {
    await this.tell("connect", { link, url });
    for (const end = Date.now() + 10_000; !(await this.tell("links"))[link]; ) {
      if (Date.now() > end) throw new Error(`${this.name} does not reach ${url}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  disconnect(link = "server") {
    return this.tell("disconnect", { link });
  }

  /** Wants a value; resolves when it shows something. */
  async load(value, limitMs = 10_000) {
    await this.tell("load", { values: [value] });
    for (const end = Date.now() + limitMs; ; ) {
      const shown = await this.view(value);
      if (shown !== null) return shown;
      if (Date.now() > end) throw new Error(`${this.name} does not get ${value}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  view(value) {
    return this.tell("view", { value });
  }

  /** Resolves when everything is acknowledged by every server. */
  async synced(limitMs = 10_000) {
    for (const end = Date.now() + limitMs; !(await this.tell("synced")); ) {
      if (Date.now() > end) throw new Error(`${this.name} is not in sync`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
