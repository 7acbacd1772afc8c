// What the page says of itself: the sync status, which is never empty, and problems, in words.

const status = document.getElementById("status");
const calmMs = 300; // work that is over sooner is not mentioned, or the line would flicker with every key
let settling;

const texts = {
  offline: ({ pending }) => (pending > 0 ? `Offline · ${pending} to send` : "Offline · saved here"),
  connecting: ({ pending }) => (pending > 0 ? `Connecting · ${pending} to send` : "Connecting…"),
  syncing: ({ pending }) => (pending > 0 ? `Sending ${pending}…` : "Syncing…"),
  synced: () => "Synced",
  stopped: () => "Not running",
};

function show(value) {
  const text = texts[value.state]?.(value) ?? String(value.state);
  status.dataset.state = value.state;
  if (status.textContent !== text) status.textContent = text;
}

/** Shows `{state, pending}`. */
export function showStatus(value) {
  clearTimeout(settling);
  const isBrief = value.state === "syncing" && status.dataset.state === "synced";
  if (isBrief) settling = setTimeout(show, calmMs, value);
  else show(value);
}

/** Shows what went wrong until it is dismissed. */
export function showProblem(problem) {
  const text = problem?.message ?? String(problem);
  document.getElementById("problem-text").textContent = text || "Something went wrong, and it did not say what.";
  document.getElementById("problem").hidden = false;
  console.error(problem);
}

document.getElementById("problem-dismiss").addEventListener("click", () => {
  document.getElementById("problem").hidden = true;
});
