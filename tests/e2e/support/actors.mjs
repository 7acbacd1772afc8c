// Definitions that tests share.

/** An actor that calls the tool "@test/slow" in its state `working` and tells in its context how that ended. */
export const worker = {
  id: "worker",
  context: { outcome: null, kind: null },
  messageTypes: ["WORK"],
  state: {
    initial: "idle",
    states: {
      idle: { on: { WORK: "working" } },
      working: {
        entry: { tool: "@test/slow", payload: { task: "$$task" } },
        on: {
          SUCCESS: { target: "idle", actions: [{ updateContext: { outcome: "$$result" } }] },
          ERROR: { target: "failed", actions: [{ updateContext: { outcome: "$$errors.0.message", kind: "$$errors.0.type" } }] },
        },
      },
      failed: { on: { WORK: "working" } },
    },
  },
};

/** Two actors: what `teller` is told to SAY, `hearer` hears through its inbox and keeps, one item a message. */
export const hearer = {
  id: "hearer",
  context: { heard: { schema: "heard" } },
  messageTypes: ["HEAR"],
  state: {
    initial: "idle",
    states: {
      idle: {
        on: { HEAR: { target: "idle", actions: [{ tool: "@db", payload: { op: "create", schema: "heard", data: { text: "$$text" } } }] } },
      },
    },
  },
};
export const teller = {
  id: "teller",
  messageTypes: ["SAY"],
  state: {
    initial: "idle",
    states: {
      idle: {
        on: {
          SAY: {
            target: "idle",
            actions: [{ tool: "@core/publishMessage", payload: { type: "HEAR", target: "hearer", payload: { text: "$$text" } } }],
          },
        },
      },
    },
  },
};

/** An actor that keeps what it is told in its context and shows it. */
export const note = {
  id: "note",
  context: { text: "", place: null },
  messageTypes: ["WRITE", "PLACE"],
  state: {
    initial: "idle",
    states: {
      idle: {
        on: {
          WRITE: { target: "idle", actions: [{ updateContext: { text: "$$text" } }] },
          PLACE: { target: "idle", actions: [{ updateContext: { place: "$$place" } }] },
        },
      },
    },
  },
  view: { content: { tag: "p", class: "note", text: "$text" } },
};
