// Which database this tab opens. Each account has one of its own on this device, so that a link from somebody else
// never mixes two lists, and a link to one's own list opens the database that is there already.
//
// A tab keeps its account over reloads (sessionStorage); a new tab gets the one opened last (localStorage). Only names
// are kept here, never a secret.

const firstName = "todos";

// FNV-1a, 64 bits: enough to tell a few secrets apart, and there without HTTPS, where crypto.subtle is not.
function shortHash(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}

/** The secret in the page's address, if a link brought one; it is taken out of the address unless told to keep it. */
export function secretOfLink({ keep = false } = {}) {
  const secret = new URLSearchParams(location.hash.slice(1)).get("secret") ?? undefined;
  if (secret && !keep) history.replaceState(null, "", location.pathname + location.search);
  return secret;
}

/** The database for this secret, or for this tab. */
export function chooseDatabase(secret) {
  if (!secret) return sessionStorage.getItem("database") ?? localStorage.getItem("database") ?? firstName;
  const hash = shortHash(secret);
  return localStorage.getItem(`database ${hash}`) ?? `${firstName}-${hash}`;
}

/** Called once the database is open: from now on this tab, and new ones, open it again. */
export function rememberDatabase(name, secret) {
  localStorage.setItem(`database ${shortHash(secret)}`, name);
  localStorage.setItem("database", name);
  sessionStorage.setItem("database", name);
}
