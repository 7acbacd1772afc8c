// Measures the engine without a screen or a disk, through what JavaScript sees, in a page of the tests' own.
//
// transitions: a batch of events sent at once to one actor, until all are handled. one by one: each is awaited.
// expression: one event whose action maps 10,000 items, per item (a path, a comparison, a condition). style: a live
// edit of the demo's list actor with a style that was never seen, less the same edit with a style that was; "cached" is
// that edit less one that has no style at all.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { newDevice, openBlank } from "../tests/e2e/support/browser.mjs";
import { root } from "../tests/e2e/support/program.mjs";
import { pages, startServer } from "../tests/e2e/support/server.mjs";
import { withScope } from "./scope.mjs";
import { median } from "./statistics.mjs";

const mappedItems = 10_000;

const lamp = {
  id: "lamp",
  messageTypes: ["PRESS"],
  state: { initial: "off", states: { off: { on: { PRESS: "on" } }, on: { on: { PRESS: "off" } } } },
};

const mapper = {
  id: "mapper",
  context: { items: Array.from({ length: mappedItems }, (_, index) => ({ id: `${index}`, text: `item ${index}`, size: index % 7 })), shown: null },
  messageTypes: ["MAP"],
  state: {
    initial: "idle",
    states: {
      idle: {
        on: {
          MAP: {
            target: "idle",
            actions: [
              {
                updateContext: {
                  shown: {
                    $length: {
                      $map: {
                        array: "$items",
                        as: "it",
                        return: { id: "$$it.id", label: { $if: { condition: { $gt: ["$$it.size", 3] }, then: "$$it.text", else: "small" } } },
                      },
                    },
                  },
                },
              },
            ],
          },
        },
      },
    },
  },
};

const readDefinition = (name) => JSON.parse(readFileSync(join(root, "www", "definitions", `${name}.json`), "utf8"));

async function batches(page, { batches, batch }) {
  return page.evaluate(
    async ([lamp, batches, batch]) => {
      const runtime = await Runtime.open({ name: "transitions", storage: "memory" });
      const actor = await runtime.actor(lamp);
      const perSecond = (count, ms) => Math.round((count / ms) * 1000);
      const results = { together: [], oneByOne: [] };
      for (let turn = 0; turn < batches; turn += 1) {
        let start = performance.now();
        await Promise.all(Array.from({ length: batch }, () => actor.send({ type: "PRESS" })));
        results.together.push(perSecond(batch, performance.now() - start));
        start = performance.now();
        for (let count = 0; count < batch / 10; count += 1) await actor.send({ type: "PRESS" });
        results.oneByOne.push(perSecond(batch / 10, performance.now() - start));
      }
      await runtime.close();
      return results;
    },
    [lamp, batches, batch],
  );
}

async function expressions(page, { batches }) {
  return page.evaluate(
    async ([mapper, batches]) => {
      const runtime = await Runtime.open({ name: "expressions", storage: "memory" });
      const actor = await runtime.actor(mapper);
      const times = [];
      for (let turn = 0; turn < batches; turn += 1) {
        const start = performance.now();
        await actor.send({ type: "MAP" });
        times.push(performance.now() - start);
      }
      await runtime.close();
      return times;
    },
    [mapper, batches],
  );
}

async function styles(page, { styles }) {
  const { style, ...list } = readDefinition("list");
  return page.evaluate(
    async ([list, brand, style, count]) => {
      const runtime = await Runtime.open({ name: "styles", storage: "memory" });
      const base = { ...list, id: "styled", context: {} };
      const edit = async (parts) => {
        const start = performance.now();
        await runtime.actor({ ...base, ...parts });
        return performance.now() - start;
      };
      const unseen = (turn) => ({ ...style, tokens: { turn: `${turn}px` } });
      await edit({ brand, style });
      const times = { compiled: [], cached: [], none: [] };
      for (let turn = 0; turn < count; turn += 1) {
        times.compiled.push(await edit({ role: `a${turn}`, brand, style: unseen(turn) }));
        await edit({ role: `b${turn}`, brand, style });
        times.cached.push(await edit({ role: `c${turn}`, brand, style }));
        times.none.push(await edit({ role: `d${turn}` }));
      }
      await runtime.close();
      return times;
    },
    [list, readDefinition("brand"), style, styles],
  );
}

const round = (number) => Math.max(0, Math.round(number * 1000) / 1000);

/** Figures of the engine alone. */
export function measureEngine(browser, repetitions) {
  return withScope(async (scope) => {
    const server = await startServer(scope, pages.blank);
    const page = await openBlank(await newDevice(scope, browser), server.url);
    const sent = await batches(page, repetitions);
    const mapped = await expressions(page, repetitions);
    const { compiled, cached, none } = await styles(page, repetitions);
    return {
      transitions_per_s: median(sent.together),
      transitions_one_by_one_per_s: median(sent.oneByOne),
      expression_us: round((median(mapped) * 1000) / mappedItems),
      style_compile_ms: round(median(compiled) - median(cached)),
      style_cached_ms: round(median(cached) - median(none)),
    };
  });
}
