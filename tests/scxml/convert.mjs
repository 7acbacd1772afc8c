// From an SCXML chart to a definition of a machine and its first context. Throws `Unsupported` where there is no form.
import { childNamed, childrenNamed, parseXml } from "./xml.mjs";
import { declare, toExpression, toGuard, unsupported } from "./expressions.mjs";

const stateNames = ["state", "parallel", "final", "history"];
/** The names of errors in the recommendation; a definition knows one. */
const toEvent = (name) => (/^error(\.(execution|communication))?$/.test(name) ? "ERROR" : name);
const words = (text) => (text ?? "").split(/\s+/).filter(Boolean);
const single = (list) => (list.length === 1 ? list[0] : list);

export function milliseconds(text) {
  const [, number, unit] = /^([\d.]+)(ms|s)?$/.exec(text.trim()) ?? unsupported(`the delay ${text}`);
  return Number(number) * (unit === "s" ? 1000 : 1);
}

/** All data of a chart: with early binding a state's own is there from the start too. */
function dataOf(element) {
  if (element.attributes.binding === "late") unsupported("data that comes to be when its state is entered");
  const own = childrenNamed(element, "datamodel").flatMap(({ children }) => children);
  return [...own, ...childrenNamed(element, ...stateNames).flatMap(dataOf)];
}

/** Content is JSON if it reads as that, else a text whose white space is one blank. */
function textOf({ text }) {
  try {
    return JSON.parse(text);
  } catch {
    return text.trim().replace(/\s+/g, " ");
  }
}

/** What is sent to another machine, or has one run. */
const isForOthers = ({ name, attributes: { target } }) => name === "invoke" || (target?.startsWith("#_") && target !== "#_internal");
const runsOthers = (element) => isForOthers(element) || element.children.some(runsOthers);

/** Actions that keep the ids of what a state invokes, where the chart wants to know them: of one without an id it is the state's. */
function idsOfInvokes(id, element) {
  const invokes = childrenNamed(element, "invoke").map(({ attributes }, index) => [attributes.idlocation, index === 0 ? id : `${id}.${index}`]);
  return invokes.filter(([location]) => location).map(([location, name]) => ({ updateContext: { [location]: name } }));
}

/** A text, also one that reads as an expression. */
const literal = (text) => (text?.startsWith("$") ? { $literal: text } : text);

class Converter {
  #names = 0;
  #readChart;

  /** `readChart` gives the text of another chart of the suite. */
  constructor(readChart) {
    this.#readChart = readChart;
  }

  #unnamed() {
    this.#names += 1;
    return `unnamed-${this.#names}`;
  }

  machine(scxml) {
    for (const { name } of scxml.children) if (name === "script") unsupported("a script");
    const data = dataOf(scxml);
    const declaredAround = declare(data.map(({ attributes }) => attributes.id));
    const context = this.#context(data);
    const children = this.#children(scxml);
    declare(declaredAround);
    const initial = words(scxml.attributes.initial);
    const state = { initial: single(initial.length > 0 ? initial : [children.names[0]]), states: children.states };
    return { state, context };
  }

  #context(data) {
    const entry = ({ attributes: { id, expr, src }, text }) => {
      if (src) unsupported("data from a file");
      if (expr === undefined && text.trim() !== "") unsupported("data that is XML or a text of its own");
      const value = expr === undefined ? null : toExpression(expr);
      if (JSON.stringify(value).includes('"$')) unsupported("data computed from other data");
      return [id, value];
    };
    return Object.fromEntries(data.map(entry));
  }

  #children(element) {
    const children = childrenNamed(element, ...stateNames);
    const entries = children.map((child) => [child.attributes.id ?? this.#unnamed(), child]);
    const states = Object.fromEntries(entries.map(([id, child]) => [id, this.#state(id, child)]));
    const names = entries.filter(([, child]) => child.name !== "history").map(([id]) => id);
    return { states, names };
  }

  #state(id, element) {
    if (element.name === "history") return this.#history(id, element);
    const state = { id };
    const invokes = childrenNamed(element, "invoke").map((invoke) => this.#invoke(invoke));
    if (invokes.length > 0) state.invoke = invokes;
    const { states, names } = this.#children(element);
    if (element.name === "parallel") {
      if (names.length > 0) Object.assign(state, { type: "parallel", states });
    } else if (element.name === "final") {
      state.type = "final";
      const data = childNamed(element, "donedata");
      if (data) state.output = this.#payload(data);
    } else if (names.length > 0) {
      Object.assign(state, { initial: this.#initial(element, names), states });
    }
    const blocks = (name) => childrenNamed(element, name).flatMap((block) => this.#actions(block));
    const [entry, exit] = [[...idsOfInvokes(id, element), ...blocks("onentry")], blocks("onexit")];
    if (entry.length > 0) state.entry = entry;
    if (exit.length > 0) state.exit = exit;
    const transitions = childrenNamed(element, "transition");
    const on = transitions.filter(({ attributes }) => attributes.event !== undefined);
    const always = transitions.filter(({ attributes }) => attributes.event === undefined);
    if (on.length > 0) state.on = on.map((it) => ({ event: words(it.attributes.event).map(toEvent), ...this.#transition(it) }));
    if (always.length > 0) state.always = always.map((it) => this.#transition(it));
    return state;
  }

  #invoke(element) {
    const { id, type, typeexpr, src, srcexpr, autoforward } = element.attributes;
    if (typeexpr || srcexpr || childNamed(element, "content")?.attributes.expr) unsupported("a chart that an expression names, or is");
    if (childNamed(element, "finalize")) unsupported("finalize: what assigns before a transition is chosen");
    if (type && !/^(scxml|http:\/\/www\.w3\.org\/TR\/scxml\/?)$/.test(type)) unsupported("invoking what is no chart");
    const chart = src ? parseXml(this.#readChart(src.replace(/^file:/, ""))) : childNamed(element, "content").children[0];
    const input = this.#parameters(element);
    return { actor: new Converter(this.#readChart).machine(chart), input, ...(id && { id }), ...(autoforward === "true" && { autoForward: true }) };
  }

  #initial(element, names) {
    const transition = childNamed(element, "initial")?.children.find(({ name }) => name === "transition");
    if (transition) return { target: single(words(transition.attributes.target)), actions: this.#actions(transition) };
    const initial = words(element.attributes.initial);
    return single(initial.length > 0 ? initial : [names[0]]);
  }

  #history(id, element) {
    const transition = childNamed(element, "transition");
    const history = { id, type: "history", history: element.attributes.type ?? "shallow" };
    if (transition) Object.assign(history, { target: single(words(transition.attributes.target)), actions: this.#actions(transition) });
    return history;
  }

  #transition(element) {
    const { event, cond, target, type } = element.attributes;
    const data = words(event).some((name) => name.startsWith("done.")) ? "$$output" : "$$";
    const transition = {};
    if (target !== undefined) transition.target = single(words(target).map((id) => `#${id}`));
    if (cond !== undefined) transition.guard = toGuard(cond, data);
    if (type === "internal") transition.internal = true;
    const actions = this.#actions(element, data);
    if (actions.length > 0) transition.actions = actions;
    return transition;
  }

  #actions({ children }, data) {
    return children.filter(({ name }) => name !== "log").flatMap((action) => this.#action(action, data));
  }

  /** What stands up to the next `elseif` or `else` is for the condition; these have nothing inside. */
  #if(condition, children, data) {
    const end = children.findIndex(({ name }) => name === "elseif" || name === "else");
    const guarded = end < 0 ? children : children.slice(0, end);
    const action = { if: toGuard(condition, data), then: this.#actions({ children: guarded }, data) };
    if (end < 0) return action;
    const [{ name, attributes }, rest] = [children[end], children.slice(end + 1)];
    const otherwise = name === "else" ? this.#actions({ children: rest }, data) : [this.#if(attributes.cond, rest, data)];
    return { ...action, else: otherwise };
  }

  #action(action, data) {
    const { attributes, name } = action;
    switch (name) {
      case "raise":
        return { raise: { type: literal(attributes.event) } };
      case "send":
        return this.#send(action, data);
      case "cancel":
        if (attributes.sendidexpr) return { cancel: toExpression(attributes.sendidexpr, data) };
        return { cancel: literal(attributes.sendid) };
      case "assign":
        return this.#assign(action, data);
      case "if":
        return this.#if(attributes.cond, action.children, data);
      case "foreach":
        return unsupported("a loop");
      case "script":
        return unsupported("a script");
      default:
        return unsupported(`the action ${name}`);
    }
  }

  #assign({ attributes: { location, expr }, children }, data) {
    if (!/^\w+$/.test(location)) unsupported("assigning to a part of a value");
    if (location.startsWith("_")) unsupported("assigning to a system variable, to be told as an error");
    if (expr === undefined || children.length > 0) unsupported("data that is XML or a text of its own");
    return { updateContext: { [location]: toExpression(expr, data) } };
  }

  #send(action, data) {
    const { event, eventexpr, target, targetexpr, type, typeexpr, delay, delayexpr, id, idlocation } = action.attributes;
    if (targetexpr || typeexpr) unsupported("sending to where an expression says: to itself, by a transport, to an event's origin");
    if (type && !type.includes("#SCXMLEventProcessor") && type !== "scxml") unsupported("sending by another transport");
    if (target && !target.startsWith("#_")) unsupported("sending to what there is not, to be told as an error; here an inbox waits for it");
    const name = eventexpr === undefined ? literal(event) : toExpression(eventexpr, data);
    const raise = { type: name, payload: this.#payload(action, data) };
    if (target && target !== "#_internal") {
      if (delay || delayexpr) unsupported("sending later to another machine");
      return { tool: "@core/tell", payload: { target, ...raise } };
    }
    if (target !== "#_internal") {
      const time = String(delay ?? (delayexpr === undefined ? "0ms" : toExpression(delayexpr, data)));
      if (time.startsWith("$")) unsupported("a delay in a variable that is a text with a unit; here it is a number");
      raise.delay = milliseconds(time);
    }
    if (id) raise.id = literal(id);
    if (!idlocation) return { raise };
    // Whoever writes a definition gives what it raises a name.
    raise.id = this.#unnamed();
    return [{ updateContext: { [idlocation]: raise.id } }, { raise }];
  }

  #payload(element, data) {
    const content = childNamed(element, "content");
    if (content) return content.attributes.expr ? toExpression(content.attributes.expr, data) : { $literal: textOf(content) };
    return this.#parameters(element, data);
  }

  #parameters(element, data) {
    const named = words(element.attributes.namelist).map((name) => [name, toExpression(name, data)]);
    const param = ({ attributes: { name, expr, location } }) => [name, toExpression(expr ?? location, data)];
    return Object.fromEntries([...named, ...childrenNamed(element, "param").map(param)]);
  }
}

/** The definition, `{state, context}`, and whether it runs others; `readChart` gives the text of another chart by its file's name. */
export function convert(source, readChart) {
  const scxml = parseXml(source);
  return { definition: { id: "chart", ...new Converter(readChart).machine(scxml) }, runsOthers: runsOthers(scxml) };
}
