// Owns the recorded traffic: what genuine clients of npm's cojson say while they write, frame by frame. Every client has
// an account of its own and writes encrypted changes into a CoMap of its own group, as applications do: one content
// message for each transaction (`live`), or for each burst of them (`bursty`).
//
// `node record.mjs PORT FOLDER CLIENTS TRANSACTIONS PER_MESSAGE` records against the server on that port; FOLDER gets a
// file for each client, each line a frame as a JSON string.
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { LocalNode } from "cojson";
import { NapiCrypto } from "cojson/crypto/NapiCrypto";
import { createWebSocketPeer } from "cojson-transport-ws";
import WebSocket from "ws";

const [port, folder, ...counts] = process.argv.slice(2);
const [clients, transactions, perMessage] = counts.map(Number);
const crypto = await NapiCrypto.create();
const queuedBytesMax = 20_000; // clients join messages into one frame when more than that waits

/** A socket whose frames are noted as they are sent. */
function recorded(frames) {
  const websocket = new WebSocket(`ws://127.0.0.1:${port}/sync`);
  const send = websocket.send.bind(websocket);
  websocket.send = (frame, ...rest) => {
    frames.push(String(frame));
    send(frame, ...rest);
  };
  return websocket;
}

async function newClient(index) {
  const frames = [];
  const websocket = recorded(frames);
  await once(websocket, "open");
  const peer = createWebSocketPeer({ id: `server ${index}`, role: "server", websocket, batchingByDefault: true, expectPings: true });
  const { node } = await LocalNode.withNewlyCreatedAccount({ creationProps: { name: `Client ${index}` }, peers: [peer], crypto });
  const map = node.createGroup().createMap();
  map.set("title", "what is recorded");
  await map.core.waitForSync({ timeout: 30_000 });
  return { frames, websocket, node, map };
}

const text = (index) => ({ text: `todo ${index}: call back before ${8 + (index % 12)} o'clock`, done: index % 3 === 0, order: index });

function write({ map }, burst) {
  for (let index = burst * perMessage; index < Math.min((burst + 1) * perMessage, transactions); index += 1) map.set(`item-${index}`, text(index));
}

const everyone = [];
for (let index = 0; index < clients; index += 1) everyone.push(await newClient(index));
for (let burst = 0; burst * perMessage < transactions; burst += 1) {
  for (const client of everyone) write(client, burst);
  do await setImmediate();
  while (everyone.some(({ websocket }) => websocket.bufferedAmount > queuedBytesMax));
}
await Promise.all(everyone.map(({ map }) => map.core.waitForSync({ timeout: 120_000 })));
mkdirSync(folder, { recursive: true });
for (const [index, { frames }] of everyone.entries()) {
  const lines = frames.map((frame) => `${JSON.stringify(frame)}\n`);
  writeFileSync(join(folder, `client-${index}.jsonl`), lines.join(""));
}
process.exit(0);
