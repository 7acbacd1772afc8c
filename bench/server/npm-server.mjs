// Owns the reference: a server of npm's cojson, in memory, with the native crypto. Prints `listening PORT` when it is
// there; ends with its stdin.
import { LocalNode } from "cojson";
import { NapiCrypto } from "cojson/crypto/NapiCrypto";
import { createWebSocketPeer } from "cojson-transport-ws";
import { WebSocketServer } from "ws";

const crypto = await NapiCrypto.create();
const secret = crypto.newRandomAgentSecret();
const session = crypto.newRandomSessionID(crypto.getAgentID(secret));
const node = new LocalNode(secret, session, crypto);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096 });
let peers = 0;

server.on("connection", (websocket) => {
  websocket.on("error", () => {});
  const peer = { id: `client ${++peers}`, role: "client", websocket };
  node.syncManager.addPeer(createWebSocketPeer({ ...peer, expectPings: false, batchingByDefault: false, deletePeerStateOnClose: true }));
});
server.on("listening", () => console.log(`listening ${server.address().port}`));
process.stdin.on("end", () => process.exit(0)).resume();
