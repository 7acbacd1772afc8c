// The dialog with the link, and its QR code, that opens the same account on another device.
import { correction, generate } from "./vendor/lean-qr.mjs";

const quietZone = 2; // modules of white around the code; the dialog's own margin is the rest
const localHosts = ["localhost", "127.0.0.1", "[::1]"];
const element = (id) => document.getElementById(id);

function addressWith(secret) {
  const address = new URL(location.pathname, location.href);
  address.hash = new URLSearchParams({ secret }).toString();
  return address.href;
}

/** Draws the code as one path, which needs no inline style. */
function drawCode(svg, text) {
  const code = generate(text, { minCorrectionLevel: correction.L });
  const squares = [];
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) if (code.get(x, y)) squares.push(`M${x} ${y}h1v1h-1z`);
  }
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", squares.join(""));
  const side = code.size + 2 * quietZone;
  svg.setAttribute("viewBox", `${-quietZone} ${-quietZone} ${side} ${side}`);
  svg.replaceChildren(path);
}

/** Copies what a field holds; the button says what came of it. */
export async function copy(button, field) {
  try {
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  } catch {
    field.select(); // no clipboard here (an insecure address, or refused): the keyboard's copy works
    button.textContent = "Press Ctrl+C";
  }
}

/** Offers the link of this secret. */
export function offerLink(secret) {
  const address = addressWith(secret);
  const dialog = element("dialog");
  element("open").href = address;
  element("link").value = address;
  element("local").hidden = !localHosts.includes(location.hostname);
  element("share").addEventListener("click", () => {
    if (!element("code").hasChildNodes()) drawCode(element("code"), address);
    element("copy").textContent = "Copy link";
    dialog.showModal();
  });
  element("copy").addEventListener("click", () => copy(element("copy"), element("link")));
  element("link").addEventListener("focus", (event) => event.target.select());
  element("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  element("share").disabled = false;
}
