// The demo's start: opens the runtime, mounts the root actor, and wires the page around it. What the application does
// is in definitions/; nothing here knows what a to-do is.
import { chooseDatabase, rememberDatabase, secretOfLink } from "./database.js";
import { invitationOfLink, join, listOfAddress, offerInvitation } from "./invite.js";
import { offerLink } from "./link.js";
import { showProblem, showStatus } from "./status.js";

const element = document.getElementById("actor");

/** The list actor serves every view: what differs is its query and what it says when there is nothing. */
function listActor(list, id, filter, empty) {
  return { ...list, id, context: { todos: { schema: "todos", ...filter }, empty } };
}

async function read(name) {
  const response = await fetch(`definitions/${name}.json`);
  if (!response.ok) throw new Error(`The definition ${name}.json could not be read (${response.status}).`);
  return response.json();
}

/** The application in one's own space, or in that of a group. */
async function readDefinition(space) {
  const [todos, list, brand] = await Promise.all(["todos", "list", "brand"].map(read));
  const branded = (definition) => ({ ...definition, brand });
  const lists = {
    all: listActor(list, "todos/list", {}, "Nothing here yet. Add the first one above."),
    open: listActor(list, "todos/open", { filter: { done: false } }, "All done. Enjoy the rest of the day."),
    done: listActor(list, "todos/done", { filter: { done: true } }, "Nothing is done yet. It will be."),
  };
  const actors = Object.fromEntries(Object.entries(lists).map(([name, actor]) => [name, branded(actor)]));
  return { ...branded(todos), ...(space && { space }), context: { ...todos.context, "@actors": actors } };
}

// Imported here and not at the top: a package that is missing or refused becomes words on the page.
async function loadPackage() {
  const { default: init, Runtime } = await import("/pkg/pleione.js");
  await init();
  return Runtime;
}

function syncAddress() {
  const address = new URL("/sync", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  return address.href;
}

async function start() {
  const secret = secretOfLink();
  const name = chooseDatabase(secret);
  const list = listOfAddress();
  const [Runtime, definition] = await Promise.all([loadPackage(), readDefinition(list)]);
  const runtime = await Runtime.open({ name, secret, sync: syncAddress() });
  runtime.syncStatus.subscribe(showStatus);
  runtime.problems.subscribe((problem) => problem && showProblem(problem));
  rememberDatabase(name, runtime.secret);
  const invitation = invitationOfLink();
  if (invitation) return join(runtime, invitation);
  offerLink(runtime.secret);
  offerInvitation(runtime, list);
  const actor = await runtime.actor(definition, element);
  globalThis.pleione = { runtime, actor, definition }; // for the console
  // An agent of this account hosts what the account has published: it names to-dos that are links.
  await runtime.publish(await read("helper"));
}

addEventListener("error", (event) => showProblem(event.error ?? event));
addEventListener("unhandledrejection", (event) => showProblem(event.reason));
addEventListener("hashchange", () => (secretOfLink({ keep: true }) || invitationOfLink()) && location.reload());
start().catch((error) => {
  showStatus({ state: "stopped" });
  showProblem(error);
});
