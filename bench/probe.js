// Runs in the demo's page: what a click costs there. Installed before the page's own scripts; measures nothing until asked.
globalThis.probe = (() => {
  const settleMs = 4;
  const everything = { subtree: true, childList: true, attributes: true, characterData: true };

  function shadowRoots(root = document) {
    const own = [...root.querySelectorAll("*")].filter((it) => it.shadowRoot).map((it) => it.shadowRoot);
    return own.flatMap((inner) => [inner, ...shadowRoots(inner)]);
  }
  const withA = (selector) => shadowRoots().find((root) => root.querySelector(selector));
  const list = () => withA(".list");
  const field = () => withA(".field").querySelector(".field");
  const rowCount = () => list()?.querySelectorAll("li").length ?? 0;
  const frame = () => new Promise(requestAnimationFrame);
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // A task of its own, without the 4 ms that nested timers take.
  const channel = new MessageChannel();
  const nextTask = () =>
    new Promise((resolve) => {
      channel.port1.onmessage = resolve;
      channel.port2.postMessage(null);
    });

  async function idle() {
    await pleione.runtime.settled();
    await frame();
    await frame();
    await sleep(settleMs);
  }

  async function seed(rows) {
    const texts = Array.from({ length: rows }, (_, index) => `to-do number ${index}`);
    await Promise.all(texts.map((text) => pleione.actor.send({ type: "CREATE", payload: { text } })));
    while (rowCount() < rows) await frame();
    await idle();
  }

  let turn = 0;
  /** Prepares one click of this kind and hands back what does it. */
  const prepare = {
    toggle() {
      const boxes = list().querySelectorAll("[role=checkbox]");
      turn += 1;
      const box = boxes[Math.floor(boxes.length / 2 + (turn % 2) * (boxes.length / 3)) % boxes.length];
      return () => box.click();
    },
    async create() {
      const input = field();
      input.focus();
      input.value = `created ${(turn += 1)}`;
      input.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true }));
      await idle();
      return () => input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, composed: true }));
    },
  };

  /** What is created is deleted again, so that the number of rows stays. */
  async function restore(kind, rows) {
    if (kind !== "create") return;
    const { id } = await latest(rows);
    await pleione.actor.send({ type: "DELETE", payload: { id } });
    while (rowCount() > rows) await frame();
  }

  async function latest(rows) {
    while (rowCount() <= rows) await frame();
    return pleione.actor.context.value.open.at(-1);
  }

  const timed = (act) =>
    new Promise((resolve) => {
      let start;
      const observer = new MutationObserver(async () => {
        const dom = performance.now() - start;
        observer.disconnect();
        await frame();
        resolve({ dom, frame: performance.now() - start });
      });
      observer.observe(list(), everything);
      start = performance.now();
      act();
    });

  // The event is handled at the end of its task, as a microtask that was queued before ours; the write to the disk that
  // begins there is not waited for.
  async function scripted(act) {
    let isChanged = false;
    const observer = new MutationObserver(() => (isChanged = true));
    observer.observe(list(), everything);
    const start = performance.now();
    act();
    await null;
    pleione.runtime.flush();
    while (!isChanged && observer.takeRecords().length === 0) {
      await nextTask();
      pleione.runtime.flush();
    }
    const ms = performance.now() - start;
    observer.disconnect();
    return ms;
  }

  /** One of many toggles in a row, without any wait between: what the clock's resolution and a cold start hide in one. */
  async function steady(count, inARow) {
    const times = [];
    for (let turn = 0; turn < count; turn += 1) {
      const acts = Array.from({ length: inARow }, prepare.toggle);
      await idle();
      const start = performance.now();
      for (const act of acts) {
        act();
        await null;
        pleione.runtime.flush();
      }
      times.push((performance.now() - start) / inARow);
    }
    await idle();
    return times;
  }

  async function counted(act) {
    const { runtime } = pleione;
    const before = runtime.stats;
    act();
    await nextTask();
    await idle();
    const after = runtime.stats;
    return Object.fromEntries(Object.keys(after).map((key) => [key, after[key] - before[key]]));
  }

  async function repeat(kind, count, run) {
    const results = [];
    for (let index = 0; index < count; index += 1) {
      const rows = rowCount();
      const act = await prepare[kind]();
      await idle();
      await sleep(Math.random() * 17);
      results.push(await run(act));
      await restore(kind, rows);
    }
    await idle();
    return results;
  }

  async function opened(rows) {
    while (rowCount() < rows) await frame();
    return performance.now();
  }

  return {
    seed,
    opened,
    steady,
    times: (kind, count) => repeat(kind, count, timed),
    scripts: (kind, count) => repeat(kind, count, scripted),
    counts: (kind, count) => repeat(kind, count, counted),
  };
})();
