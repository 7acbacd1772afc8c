// Lists that several people have. Such a list lives in a group of its own, which the address names; whoever opens the link of
// an invitation joins the group, as the account that is here already, and goes to the list.
import { copy } from "./link.js";

const element = (id) => document.getElementById(id);

/** The group whose list the address names; none for one's own list. */
export const listOfAddress = () => new URLSearchParams(location.search).get("list") ?? undefined;

/** The invitation in the page's address, if a link brought one. */
export const invitationOfLink = () => new URLSearchParams(location.hash.slice(1)).get("join") ?? undefined;

function goTo(list) {
  const address = new URL(location.pathname, location.href);
  address.searchParams.set("list", list);
  location.assign(address);
}

/** Joins the list of an invitation and goes there. */
export async function join(runtime, invitation) {
  const group = await runtime.acceptInvite(invitation);
  goTo(group.id);
}

async function invite(runtime, list) {
  const group = await runtime.loadGroup(list);
  const address = new URL(location.pathname, location.href);
  address.hash = new URLSearchParams({ join: await group.createInvite("writer") });
  element("invitation").value = address.href;
  await copy(element("invite"), element("invitation"));
}

async function beginList(runtime) {
  const group = runtime.createGroup();
  await runtime.settled();
  goTo(group.id);
}

/** Offers a list with others, and in such a list an invitation to it. */
export function offerInvitation(runtime, list) {
  element(list ? "with-others" : "alone").hidden = false;
  element("begin").addEventListener("click", () => beginList(runtime));
  element("invite").addEventListener("click", () => invite(runtime, list));
}
