// What states invoke, what actors tell and ask each other, and what becomes of calls, timers and messages whose tab is
// killed at random moments: KILL_ROUNDS rounds from KILL_SEED on (`KILL_ROUNDS=300 npm test -- --only e2e`).
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { blankPage } from "./support/blank.mjs";
import { crash, newDevice, openBlank, openBrowser } from "./support/browser.mjs";
import { pages, startServer } from "./support/server.mjs";

let browser;
before(async () => (browser = await openBrowser()));
after(() => browser.close());

const uploader = {
  id: "uploader",
  context: { percent: 0, outcome: null },
  state: {
    initial: "idle",
    states: {
      idle: { on: { UPLOAD: "uploading" } },
      uploading: {
        invoke: {
          tool: "@test/upload",
          payload: { file: "$$file" },
          onProgress: { actions: { updateContext: { percent: "$$progress" } } },
          onDone: { target: "idle", actions: { updateContext: { outcome: "$$result" } } },
          onError: { target: "idle", actions: { updateContext: { outcome: "$$errors.0.type" } } },
        },
        on: { CANCEL: "idle" },
      },
    },
  },
};

/** Opens an uploader whose tool does what `execute`, the text of a function, says. */
const openUploader = (page, execute, options = {}) =>
  page.evaluate(
    async ({ uploader, execute, options }) => {
      globalThis.runtime = await Runtime.open({ name: "invoke", storage: "memory" });
      globalThis.calls = [];
      // The page's policy forbids `eval`, so what a tool does is chosen by name.
      const executes = {
        done(payload, { progress }) {
          progress(50);
          return new Promise((resolve) => (globalThis.finish = () => resolve(payload.file)));
        },
        never: () => new Promise(() => {}),
        third: () => (calls.length < 3 ? Promise.reject(new Error("not yet")) : "third"),
      };
      runtime.registerTool("@test/upload", {
        ...options,
        execute(payload, caller) {
          calls.push(caller);
          return executes[execute](payload, caller);
        },
      });
      globalThis.actor = await runtime.actor(uploader);
      await actor.send({ type: "UPLOAD", payload: { file: "a.txt" } });
    },
    { uploader, execute, options },
  );

test("an invoked tool tells how far it is and what it came to", async (t) => {
  const page = await blankPage(t, browser);
  await openUploader(page, "done");
  const { percent, outcome } = await page.evaluate(async () => {
    const { percent } = await until(actor.context, ({ percent }) => percent > 0);
    finish();
    const { outcome } = await until(actor.context, ({ outcome }) => outcome);
    return { percent, outcome };
  });
  assert.deepEqual([percent, outcome], [50, "a.txt"]);
});

test("an invoked tool's signal is aborted when its state is left, and when the runtime is closed", async (t) => {
  const page = await blankPage(t, browser);
  await openUploader(page, "never");
  const aborted = await page.evaluate(async () => {
    const told = [calls[0].signal.aborted];
    await actor.send({ type: "CANCEL" });
    told.push(calls[0].signal.aborted);
    await actor.send({ type: "UPLOAD", payload: {} });
    told.push(calls[1].signal.aborted);
    await runtime.close();
    return [...told, calls[1].signal.aborted];
  });
  assert.deepEqual(aborted, [false, true, false, true]);
});

test("an attempt that takes too long is aborted, and an idempotent tool is called again with the same key", async (t) => {
  const page = await blankPage(t, browser);
  await openUploader(page, "never", { timeout: 50, retries: 1, backoff: 20, idempotent: true });
  const told = await page.evaluate(async () => {
    const { outcome } = await until(actor.context, ({ outcome }) => outcome);
    return { outcome, aborted: calls.map(({ signal }) => signal.aborted), keys: new Set(calls.map(({ idempotencyKey }) => idempotencyKey)).size };
  });
  assert.deepEqual(told, { outcome: "timeout", aborted: [true, true], keys: 1 });
  const other = await blankPage(t, browser);
  await openUploader(other, "third", { retries: 5, backoff: 10, idempotent: true });
  assert.equal(await other.evaluate(async () => (await until(actor.context, ({ outcome }) => outcome)).outcome), "third");
});

test("the tools are told in the form that language models take, and bad ones are refused", async (t) => {
  const page = await blankPage(t, browser);
  const told = await page.evaluate(async () => {
    const runtime = await Runtime.open({ name: "tools", storage: "memory" });
    const execute = () => {};
    runtime.registerTool("@mail/send", { description: "Sends a mail.", parameters: { type: "object" }, execute });
    const refused = [{ retries: 1 }, { timeout: -1 }, { backoff: "soon" }].map((options) => {
      try {
        runtime.registerTool("@bad", { ...options, execute });
      } catch (error) {
        return error.code;
      }
    });
    return { tools: runtime.tools(), refused };
  });
  assert.deepEqual(told.tools, [{ name: "mail_send", description: "Sends a mail.", input_schema: { type: "object" } }]);
  assert.deepEqual(told.refused, ["PLEIONE_E_DEFINITION", "PLEIONE_E_OPTION", "PLEIONE_E_OPTION"]);
});

const shop = {
  id: "shop",
  interface: { PRICE: { type: "object", required: ["of"] }, SILENCE: true },
  state: {
    initial: "open",
    states: {
      open: {
        on: {
          PRICE: { actions: { tool: "@core/tell", payload: { target: "$$replyTo", payload: { of: "$$of", price: 7 } } } },
          SILENCE: { actions: { updateContext: { asked: true } } },
        },
      },
    },
  },
};

test("an actor tells and asks another, and is told what the other does not take", async (t) => {
  const page = await blankPage(t, browser);
  const told = await page.evaluate(async (shop) => {
    const runtime = await Runtime.open({ name: "asking", storage: "memory" });
    await runtime.actor(shop);
    const buyer = await runtime.actor({ id: "buyer" });
    return {
      answer: await buyer.ask("shop", { type: "PRICE", payload: { of: "tea" } }),
      told: await buyer.tell("shop", { type: "SILENCE" }),
      silent: await outcome(buyer.ask({ actor: "shop" }, { type: "SILENCE" }, 50)),
      wrong: await outcome(buyer.ask("shop", { type: "PRICE" })),
      refused: await outcome(buyer.tell("shop", { type: "OTHER" })),
    };
  }, shop);
  assert.deepEqual(told.answer, { of: "tea", price: 7 });
  assert.deepEqual(told.told, { handled: true });
  assert.equal(told.silent.code, "PLEIONE_E_UNANSWERED");
  assert.match(told.silent.message, /timeout/);
  assert.equal(told.wrong.code, "PLEIONE_E_UNANSWERED");
  assert.equal(told.refused.code, "PLEIONE_E_NOT_TOLD");
});

test("r4_what_nobody_can_handle_is_a_dead_letter_until_it_is_discarded", async (t) => {
  const page = await blankPage(t, browser);
  const open = () =>
    page.evaluate(async (shop) => {
      globalThis.runtime = await Runtime.open({ name: "dead" });
      const clerk = await runtime.actor({ id: "clerk" });
      // Told before the shop runs, and so through its inbox; nobody knows yet what it takes.
      if (!localStorage.getItem("told")) await clerk.tell("shop", { type: "NONSENSE", payload: { a: 1 } });
      localStorage.setItem("told", "yes");
      await runtime.actor(shop);
      const letters = await until(runtime.deadLetters, (letters) => letters.length === 1);
      return letters[0];
    }, shop);
  const letter = await open();
  assert.deepEqual([letter.actor, letter.code, letter.type, letter.source], ["shop", "PLEIONE_E_NOT_IN_CONTRACT", "NONSENSE", "clerk"]);
  assert.deepEqual(letter.payload, { a: 1 });
  await page.evaluate(() => runtime.settled());
  await page.reload();
  await page.waitForFunction(() => globalThis.isReady);
  assert.equal((await open()).id, letter.id, "it outlives a reload");
  const left = await page.evaluate(async ({ actor, id }) => {
    runtime.discardDeadLetter(actor, id);
    return (await until(runtime.deadLetters, (letters) => letters.length === 0)).length;
  }, letter);
  assert.equal(left, 0);
});

test("a clock that is set back an hour makes no timer late", async (t) => {
  const page = await blankPage(t, browser);
  const waited = await page.evaluate(async () => {
    const runtime = await Runtime.open({ name: "clock", storage: "memory" });
    const waiter = { id: "waiter", context: { rang: false }, state: { initial: "a", states: { a: { after: { 600: { target: "b", actions: { updateContext: { rang: true } } } } }, b: {} } } };
    const actor = await runtime.actor(waiter);
    const started = performance.now();
    const now = Date.now;
    Date.now = () => now() - 3_600_000;
    await until(actor.context, ({ rang }) => rang);
    return performance.now() - started;
  });
  assert.ok(waited > 300 && waited < 3_000, `${waited} ms`);
});

const keep = { tool: "@db", payload: { op: "create", schema: "kept", data: { n: "$$n" } } };
const keeper = {
  id: "keeper",
  context: { list: { schema: "kept" } },
  messageTypes: ["KEEP", "REMIND", "MAIL", "LATER"],
  state: {
    initial: "idle",
    states: {
      idle: {
        on: {
          KEEP: { actions: keep },
          REMIND: { actions: { raise: { type: "LATER", payload: { n: "$$n" }, delay: 200 } } },
          LATER: { actions: keep },
          MAIL: { actions: [{ tool: "@test/mail", payload: { n: "$$n" } }, keep] },
        },
      },
    },
  },
};
const teller = {
  id: "teller",
  state: {
    initial: "idle",
    states: { idle: { on: { TELL: { actions: { tool: "@core/tell", payload: { type: "$$type", target: "keeper", payload: { n: "$$n" } } } } } } },
  },
};

/** Numbers that repeat with their seed. */
function randomOf(seed) {
  let state = seed >>> 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** Opens both actors, the keeper after a while, so that what is told before comes by its inbox. */
const startLife = (page, waitMs) =>
  page.evaluate(
    async ({ keeper, teller, waitMs }) => {
      globalThis.runtime = await Runtime.open({ name: "killed" });
      runtime.registerTool("@test/mail", {
        idempotent: true,
        async execute({ n }, { idempotencyKey }) {
          localStorage.setItem(`mail:${n}:${idempotencyKey}`, "");
          await new Promise((resolve) => setTimeout(resolve, 100));
        },
      });
      globalThis.tells = await runtime.actor(teller);
      setTimeout(async () => (globalThis.keeps = await runtime.actor(keeper)), waitMs);
    },
    { keeper, teller, waitMs },
  );

const rounds = Number(process.env.KILL_ROUNDS ?? 4);

test(`r1_r3_r4_nothing_is_lost_or_done_twice_in_${rounds}_rounds_of_killed_tabs`, { timeout: 60_000 + rounds * 5_000 }, async (t) => {
  const server = await startServer(t, pages.blank);
  const device = await newDevice(t, browser);
  const random = randomOf(Number(process.env.KILL_SEED ?? 7));
  const durable = [];
  const mails = [];
  let n = 0;
  for (let round = 0; round < rounds; round += 1) {
    const page = await openBlank(device, server.url);
    page.on("console", (message) => {
      const [word, number] = message.text().split(" ");
      if (word === "durable") durable.push(Number(number));
    });
    await startLife(page, random(150));
    const told = Array.from({ length: 5 + random(10) }, () => {
      n += 1;
      const type = ["KEEP", "REMIND", "MAIL"][random(3)];
      if (type === "MAIL") mails.push(n);
      return { type, n, waitMs: random(40) };
    });
    page
      .evaluate(async (told) => {
        for (const { waitMs, ...payload } of told) {
          await new Promise((resolve) => setTimeout(resolve, waitMs));
          tells.send({ type: "TELL", payload }).then(() => console.log(`durable ${payload.n}`));
        }
      }, told)
      .catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, random(600)));
    await crash(page);
    await page.close();
  }
  const page = await openBlank(device, server.url);
  await startLife(page, 0);
  const last = Math.max(0, ...durable);
  const { kept, keys } = await page.evaluate(async (durable) => {
    while (!globalThis.keeps) await new Promise((resolve) => setTimeout(resolve, 20));
    const numbers = ({ list }) => list.map(({ n }) => n);
    await until(keeps.context, (context) => durable.every((n) => numbers(context).includes(n)));
    // What would come twice had time to come.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    return { kept: numbers(keeps.context.value), keys: Object.keys(localStorage) };
  }, durable);
  assert.ok(last > 0, "something was durable before the last tab was killed");
  assert.equal(new Set(kept).size, kept.length, `none twice: ${kept}`);
  for (const mail of mails.filter((mail) => durable.includes(mail))) {
    assert.equal(keys.filter((key) => key.startsWith(`mail:${mail}:`)).length, 1, `mail ${mail} under one key`);
  }
});
