// Owns a server of npm's cojson, in memory, within this process. It can end and come back on its port as an empty one, whom
// its clients bring everything again.
import { LocalNode } from "cojson";
import { WasmCrypto } from "cojson/crypto/WasmCrypto";
import { createWebSocketPeer } from "cojson-transport-ws";
import { once } from "node:events";
import { WebSocketServer } from "ws";

const crypto = await WasmCrypto.create();

export class NpmServer {
  #sockets;
  #node;
  #port = 0;
  #peers = 0;

  static async start() {
    const server = new NpmServer();
    await server.start();
    return server;
  }

  get url() {
    return `ws://127.0.0.1:${this.#port}/sync`;
  }

  async start() {
    const secret = crypto.newRandomAgentSecret();
    this.#node = new LocalNode(secret, crypto.newRandomSessionID(crypto.getAgentID(secret)), crypto);
    this.#sockets = new WebSocketServer({ host: "127.0.0.1", port: this.#port });
    this.#sockets.on("connection", (websocket) => this.#welcome(websocket));
    await once(this.#sockets, "listening");
    this.#port = this.#sockets.address().port;
  }

  #welcome(websocket) {
    websocket.on("error", () => {});
    const peer = { id: `client ${++this.#peers}`, role: "client", websocket };
    this.#node.syncManager.addPeer(createWebSocketPeer({ ...peer, expectPings: false, batchingByDefault: false, deletePeerStateOnClose: true }));
  }

  async kill() {
    for (const socket of this.#sockets.clients) socket.terminate();
    await new Promise((resolve) => this.#sockets.close(resolve));
    await this.#node.gracefulShutdown();
  }

  stop() {
    return this.kill();
  }

  /** It does not count what it refuses. */
  async refused() {
    return {};
  }
}
