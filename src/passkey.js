// Passkeys that give a secret: WebAuthn's PRF extension turns a passkey and this label into the same 32 bytes wherever the
// passkey is. They never leave the page, and nothing of them is stored.
const label = new TextEncoder().encode("Pleione account seed 1");
const prf = { eval: { first: label } };
const random = (length) => crypto.getRandomValues(new Uint8Array(length));

const seedOf = (credential) => {
  const seed = credential?.getClientExtensionResults().prf?.results?.first;
  return seed && new Uint8Array(seed);
};

/** Asks for a passkey of this page's site; hands back its 32 bytes, or `undefined` if it cannot give any. */
export async function askPasskey(id) {
  const allowCredentials = id ? [{ type: "public-key", id }] : [];
  const publicKey = { challenge: random(32), allowCredentials, userVerification: "required", extensions: { prf } };
  return seedOf(await navigator.credentials.get({ publicKey }));
}

/** Makes a passkey under this name; hands back its 32 bytes, or `undefined` if it cannot give any. */
export async function makePasskey(name) {
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: random(32),
      rp: { name: document.title || location.hostname },
      user: { id: random(32), name, displayName: name },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg })),
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      extensions: { prf },
    },
  });
  if (!credential.getClientExtensionResults().prf?.enabled) return undefined;
  // Some authenticators give the bytes only when they are asked again.
  return seedOf(credential) ?? askPasskey(credential.rawId);
}
