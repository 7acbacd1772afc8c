// Owns genuine clients: npm's cojson nodes with an account each, connected to a server and, if wanted, coming back to it.
import { LocalNode } from "cojson";
import { WasmCrypto } from "cojson/crypto/WasmCrypto";
import { WebSocketPeerWithReconnection, createWebSocketPeer } from "cojson-transport-ws";
import { isDeepStrictEqual } from "node:util";
import WebSocket from "ws";

const crypto = await WasmCrypto.create();
const nodes = [];
let peers = 0;

function connect(url, options) {
  const websocket = new WebSocket(url, options);
  websocket.on("error", () => {});
  const id = `server ${++peers}`;
  return createWebSocketPeer({ id, role: "server", websocket, batchingByDefault: true, expectPings: true });
}

/** A node with a new account; `options` are those of its WebSocket. */
export async function newClient(url, name, options) {
  const { node } = await LocalNode.withNewlyCreatedAccount({ creationProps: { name }, peers: [connect(url, options)], crypto });
  nodes.push(node);
  return node;
}

/** A node with a new account that comes back by itself when the connection is lost. */
export async function newLastingClient(url, name) {
  const { node } = await LocalNode.withNewlyCreatedAccount({ creationProps: { name }, crypto });
  const connection = new WebSocketPeerWithReconnection({
    peer: url,
    reconnectionTimeout: 100,
    addPeer: (peer) => node.syncManager.addPeer(peer),
    removePeer: (peer) => peer.outgoing.push("Disconnected"),
    WebSocketConstructor: WebSocket,
  });
  connection.enable();
  nodes.push({ gracefulShutdown: () => connection.disable() }, node);
  return node;
}

/** Another node of an account that exists already: a second device, with an empty memory. */
export async function sameAccount(url, { accountID, accountSecret }) {
  const sessionID = crypto.newRandomSessionID(accountID);
  const node = await LocalNode.withLoadedAccount({ accountID, accountSecret, sessionID, peers: [connect(url)], crypto });
  nodes.push(node);
  return node;
}

/** Closes every client that was made here. */
export async function closeAll() {
  for (const node of nodes.splice(0)) await node.gracefulShutdown();
}

export const accountOf = (node) => node.expectCurrentAccount("test").id;

export const credentialsOf = (node) => ({
  accountID: accountOf(node),
  accountSecret: node.getCurrentAgent().agentSecret,
});

/** Loads a value that must be there. */
export async function load(node, id) {
  const value = await node.load(id);
  if (value === "unavailable") throw new Error(`${id} is unavailable`);
  return value;
}

/** Returns when everything that the node made is acknowledged by the server. */
export const synced = (...values) => Promise.all(values.map((value) => value.core.waitForSync({ timeout: 10_000 })));

/** Returns when `read` gives what is expected; throws with what it gave instead. */
export async function until(read, expected, limitMs = 10_000) {
  for (const end = Date.now() + limitMs; ; ) {
    const found = read();
    if (isDeepStrictEqual(found, expected)) return;
    if (Date.now() > end) throw new Error(`expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Does something while the clock of this process stands at a time. */
export function stopped(atMs, work) {
  const { now } = Date;
  Date.now = () => atMs;
  try {
    return work();
  } finally {
    Date.now = now;
  }
}
