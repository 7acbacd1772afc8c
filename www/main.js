// The demo: a to-do list of three actors. Everything it does is in definitions/; this file opens the runtime,
// mounts the root actor, and shows the sync status and the link for another device.
import init, { Runtime } from "/pkg/pleione.js";

const element = (id) => document.getElementById(id);

async function readDefinitions() {
  const read = async (name) => (await fetch(`definitions/${name}.json`)).json();
  const [todos, list, brand] = await Promise.all(["todos", "list", "brand"].map(read));
  const done = {
    ...list,
    id: "todos/done",
    context: { todos: { schema: "todos", filter: { done: true } }, empty: "Nothing is done yet." },
  };
  const branded = (definition) => ({ ...definition, brand });
  return {
    ...branded(todos),
    context: { ...todos.context, "@actors": { all: branded(list), done: branded(done) } },
  };
}

// The link's key goes into a database of its own, so that opening it never mixes two people's lists.
async function chooseDatabase(secret) {
  if (!secret) return localStorage.getItem("database") ?? "todos";
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  const name = `todos-${[...new Uint8Array(digest, 0, 6)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  localStorage.setItem("database", name);
  return name;
}

const STATUS_TEXT = {
  offline: ({ pending }) => (pending ? `offline, ${pending} to send` : "offline"),
  connecting: () => "connecting…",
  syncing: ({ pending }) => `sending ${pending}…`,
  synced: () => "synced",
};

function showStatus(status) {
  element("status").dataset.state = status.state;
  element("status").textContent = STATUS_TEXT[status.state](status);
}

function showLink(secret) {
  const link = new URL(location.pathname, location.href);
  link.hash = new URLSearchParams({ secret }).toString();
  element("link").href = link.href;
  element("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(link.href);
    element("copy").textContent = "Copied";
  });
}

function showProblem(error) {
  element("problem").hidden = false;
  element("problem").textContent = error.message;
  throw error;
}

async function start() {
  const secret = new URLSearchParams(location.hash.slice(1)).get("secret") ?? undefined;
  history.replaceState(null, "", location.pathname + location.search);
  const [definition, name] = await Promise.all([readDefinitions(), chooseDatabase(secret), init()]);
  const sync = new URL("/sync", location.href);
  sync.protocol = sync.protocol.replace("http", "ws");
  const runtime = await Runtime.open({ name, secret, sync: sync.href });
  runtime.syncStatus.subscribe(showStatus);
  showLink(runtime.secret);
  const actor = await runtime.actor(definition, element("actor"));
  globalThis.pleione = { runtime, actor, definition }; // for the console
}

start().catch(showProblem);
