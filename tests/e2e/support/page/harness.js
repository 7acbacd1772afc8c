// An application without definitions: tests open runtimes and actors of their own on this page, under the server's policy.
import init, { Runtime } from "/pkg/pleione.js";

const sync = new URL("/sync", location.href);
sync.protocol = sync.protocol.replace("http", "ws");

globalThis.Runtime = Runtime;
globalThis.syncAddress = sync.href;
globalThis.element = (id = "actor") => document.getElementById(id);

/** Resolves as soon as `condition(value)` holds for a value of the store. */
globalThis.until = (store, condition) =>
  new Promise((resolve) => {
    let stop;
    let isOver = false;
    stop = store.subscribe((value) => {
      if (isOver || !condition(value)) return;
      isOver = true;
      stop?.();
      resolve(value);
    });
    if (isOver) stop();
  });

/** What a promise came to: `{value}`, or `{code, message}` of its error. */
globalThis.outcome = async (promise) => {
  try {
    return { value: await promise };
  } catch (error) {
    return { code: error.code, message: error.message, isError: error instanceof Error };
  }
};

await init();
globalThis.isReady = true;
