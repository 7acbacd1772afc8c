// Owns the nodes of the actors' surfaces: builds templates, carries out patches, delegates events. It decides nothing:
// what is shown and sent is decided in crates/engine/src/view. Only createElement and text, never markup.

const SVG = "http://www.w3.org/2000/svg";
const NUMBER = Symbol("number");
const HANDLERS = Symbol("handlers");
const SURFACE = Symbol("surface");

// Steps of a walk through a clone; any other number names the node the walk is at.
const CHILD = -1;
const NEXT = -2;
const UP = -3;

// The opcodes, as in `Operation`.
const CLONE = 1;
const SET_TEXT = 2;
const SET_ATTRIBUTE = 3;
const REMOVE_ATTRIBUTE = 4;
const SET_FLAG = 5;
const SET_VALUE = 6;
const INSERT = 7;
const REMOVE = 8;
const FREE = 9;

// Bits of what a handler's payload needs, as in `MARKERS`.
const INPUT_VALUE = 1;
const DATA_COLUMN = 4;

const NOT_BUBBLING = new Set([
  "focus", "blur", "mouseenter", "mouseleave", "pointerenter", "pointerleave", "load", "error", "abort", "scroll",
  "scrollend", "toggle", "beforetoggle", "invalid", "cancel", "close", "play", "pause", "ended", "timeupdate", "canplay",
  "loadeddata", "loadedmetadata", "volumechange", "seeked", "playing", "waiting",
]);
const DRAG_TARGET = new Set(["dragover", "dragenter", "drop"]);
const PROPERTIES = {
  disabled: "disabled", readonly: "readOnly", checked: "checked", selected: "selected", autofocus: "autofocus",
  required: "required", multiple: "multiple", muted: "muted",
};
const FIELDS = "input, textarea, select";
const FOCUSABLE = ["a[href]", "button", "input", "textarea", "select", "[tabindex]"].map((it) => `${it}:not(:disabled)`).join();
const NO_CHECK_BOX = 2;

// While patches are carried out, what the browser fires (a blur of a removed row) is nobody's doing.
let applying = 0;

/** The templates of a view, built when they are first needed. */
export function defineView(description) {
  const { names, events, templates } = JSON.parse(description);
  return { names, events, templates: templates.map((tree) => ({ tree, root: null, walk: [], marks: [] })) };
}

function build(template) {
  const numbers = new Map();
  template.root = element(template.tree, template.marks, numbers);
  walkThrough(template.root, numbers, template.walk);
  while (template.walk.at(-1) < 0) template.walk.pop();
  template.tree = null;
}

function element(tree, marks, numbers) {
  if (typeof tree === "string") return document.createTextNode(tree);
  const node = tree.t === undefined ? document.createTextNode("") : tree.s ? document.createElementNS(SVG, tree.t) : document.createElement(tree.t);
  if (tree.i !== undefined) numbers.set(node, tree.i);
  for (const [name, value] of tree.a ?? []) node.setAttribute(name, value);
  for (const flag of tree.f ?? []) setFlag(node, flag, true);
  for (const child of tree.c ?? []) node.appendChild(element(child, marks, numbers));
  if (tree.o || tree.v) marks[tree.i] = { handlers: tree.o && new Map(Object.entries(tree.o)) };
  return node;
}

function walkThrough(node, numbers, walk) {
  if (numbers.has(node)) walk.push(numbers.get(node));
  let at = -1;
  node.childNodes.forEach((child, index) => {
    const inner = [];
    walkThrough(child, numbers, inner);
    if (inner.length === 0) return;
    if (at < 0) {
      walk.push(CHILD);
      at = 0;
    }
    for (; at < index; at++) walk.push(NEXT);
    walk.push(...inner);
  });
  if (at >= 0) walk.push(UP);
}

function setFlag(node, name, isSet) {
  node.toggleAttribute(name, isSet);
  const property = PROPERTIES[name];
  if (property !== undefined) node[property] = isSet;
}

/**
 * One actor's shadow root: its nodes by number, its listeners. `listener(actor, node, handler, inputValue, field, checked,
 * dataColumn, key)`; `catchUp()` is called before a person's typing changes a field, and before an event is sent.
 */
export class Surface {
  constructor(host, actor, listener, catchUp) {
    this.root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    this.root[SURFACE]?.clear();
    this.root[SURFACE] = this;
    this.actor = actor;
    this.listener = listener;
    this.view = null;
    this.nodes = [this.root];
    this.children = new Map();
    this.heard = (event) => this.hear(event);
    this.catchUp = () => applying === 0 && catchUp();
  }

  /** Empties the surface for another view. */
  show(view) {
    this.clear();
    this.view = view;
    this.root.addEventListener("beforeinput", this.catchUp, true);
    for (const type of view.events) {
      this.root.addEventListener(type, this.heard, { capture: NOT_BUBBLING.has(type), passive: type !== "submit" && !DRAG_TARGET.has(type) });
    }
  }

  clear() {
    this.root.removeEventListener("beforeinput", this.catchUp, true);
    for (const type of this.view?.events ?? []) this.root.removeEventListener(type, this.heard, NOT_BUBBLING.has(type));
    this.view = null;
    if (this.isCurrent()) quietly(() => this.root.replaceChildren());
    this.nodes = [this.root];
    this.children.clear();
  }

  /** Whether no later surface has taken over the element. */
  isCurrent() {
    return this.root[SURFACE] === this;
  }

  adopt(sheets) {
    if (this.isCurrent()) this.root.adoptedStyleSheets = sheets;
  }

  apply(operations, text) {
    quietly(() => {
      const focus = this.root.activeElement && new Focus(this.root);
      // A copy: code of the page that a patch sets off may make the module's memory grow, and move.
      interpret(this, operations.slice(), text);
      focus?.restore();
    });
  }

  /** Shows a child's element inside a node, and no other child. */
  mount(number, child) {
    const node = this.nodes[number];
    const former = this.children.get(number);
    if (former === child || (former === undefined && child === undefined)) return;
    quietly(() => {
      // It may have been mounted elsewhere since.
      if (former !== undefined && (node === undefined || former.parentNode === node)) former.remove();
      this.children.delete(number);
      if (child === undefined || node === undefined) return;
      node.appendChild(child);
      this.children.set(number, child);
    });
  }

  hear(event) {
    if (applying > 0) return;
    for (let node = event.target; node && node !== this.root; node = node.parentNode) {
      const handlers = node[HANDLERS]?.get(event.type);
      if (handlers !== undefined && this.handle(event, node, handlers)) return;
      if (!event.bubbles) return;
    }
  }

  /** Sends what the handlers of a node are for; says whether the event goes no further. */
  handle(event, node, handlers) {
    before(event);
    this.catchUp();
    if (this.nodes[node[NUMBER]] !== node) return true; // it is gone, and its number may be another's
    for (const [handler, key, markers, stops] of handlers) {
      // The Enter that ends a composition is not the person's Enter.
      if (key !== null && (event.key !== key || event.isComposing)) continue;
      if (stops) {
        event.stopPropagation();
        return true;
      }
      this.send(event, node, handler, markers);
    }
    return false;
  }

  send(event, node, handler, markers) {
    const target = event.target;
    const field = markers & INPUT_VALUE ? fieldOf(node, target) : null;
    const isCheck = target.type === "checkbox" || target.type === "radio";
    const column = markers & DATA_COLUMN ? node.closest("[data-column]")?.getAttribute("data-column") : undefined;
    const checked = isCheck ? Number(target.checked) : NO_CHECK_BOX;
    this.listener(this.actor, node[NUMBER], handler, field?.value, field?.[NUMBER] ?? 0, checked, column, event.key);
  }
}

/** What the browser must not do by itself. */
function before(event) {
  if (event.type === "submit") event.preventDefault();
  // Firefox drags nothing that carries no data.
  if (event.type === "dragstart" && event.dataTransfer?.types.length === 0) event.dataTransfer.setData("text/plain", "");
  if (DRAG_TARGET.has(event.type)) {
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = "move";
  }
}

/** The field an event speaks of: its own, else the first of the form around. */
function fieldOf(node, target) {
  if (target.matches?.(FIELDS)) return target;
  if (node.matches(FIELDS)) return node;
  const form = node.closest("form, [class*=form]");
  return form?.querySelector(FIELDS) ?? node.parentNode.querySelector?.(FIELDS) ?? null;
}

function quietly(change) {
  applying++;
  try {
    change();
  } finally {
    applying--;
  }
}

/**
 * The focus with its selection, to be put back where a browser loses it: when it cannot move a node without removing it.
 * If its row is gone, the row that took its place gets it, else the one before, so that a keyboard stays where it was.
 */
class Focus {
  constructor(root) {
    this.root = root;
    this.node = root.activeElement;
    this.start = selectionStart(this.node);
    this.end = this.node.selectionEnd;
    this.direction = this.node.selectionDirection;
    this.around = [];
    for (let at = this.node; at !== root; at = at.parentNode) {
      this.around.push({ element: at, parent: at.parentNode, beside: [at.nextElementSibling, at.previousElementSibling] });
    }
  }

  restore() {
    if (!this.node.isConnected) return this.pass();
    if (this.root.activeElement === this.node) return;
    this.node.focus({ preventScroll: true });
    if (this.start !== null) this.node.setSelectionRange(this.start, this.end, this.direction ?? "none");
  }

  pass() {
    const removed = this.around.find(({ parent }) => parent.isConnected);
    if (removed === undefined) return;
    const place = focusable(removed.element).indexOf(this.node);
    for (const neighbour of removed.beside.filter((it) => it?.parentNode === removed.parent)) {
      const takers = focusable(neighbour);
      const taker = takers[place] ?? takers[0];
      if (taker !== undefined) return taker.focus();
    }
    lastBefore(removed.parent)?.focus();
  }
}

/** What of an element can have the focus, itself included. */
function focusable(element) {
  const inside = [...element.querySelectorAll(FOCUSABLE)];
  return element.matches?.(FOCUSABLE) ? [element, ...inside] : inside;
}

/** The nearest that can have the focus and stands before an element, in its shadow root or one around it. */
function lastBefore(element) {
  for (let at = element; at !== undefined; at = at.getRootNode().host) {
    const isBefore = (it) => it.compareDocumentPosition(at) & Node.DOCUMENT_POSITION_FOLLOWING && it.checkVisibility();
    const found = focusable(at.getRootNode()).findLast(isBefore);
    if (found !== undefined) return found;
  }
}

/** Where the selection starts; null for an element that has none. */
function selectionStart(node) {
  return typeof node.selectionStart === "number" ? node.selectionStart : null;
}

function interpret(surface, operations, text) {
  const { nodes, view } = surface;
  const names = view.names;
  let at = 0;
  const read = (length) => text.substring(at, (at += length));
  for (let i = 0; i < operations.length; ) {
    switch (operations[i]) {
      case CLONE:
        clone(nodes, view.templates[operations[i + 1]], operations[i + 2]);
        i += 3;
        break;
      case SET_TEXT:
        nodes[operations[i + 1]].data = read(operations[i + 2]);
        i += 3;
        break;
      case SET_ATTRIBUTE:
        nodes[operations[i + 1]].setAttribute(names[operations[i + 2]], read(operations[i + 3]));
        i += 4;
        break;
      case REMOVE_ATTRIBUTE:
        nodes[operations[i + 1]].removeAttribute(names[operations[i + 2]]);
        i += 3;
        break;
      case SET_FLAG:
        setFlag(nodes[operations[i + 1]], names[operations[i + 2]], operations[i + 3] === 1);
        i += 4;
        break;
      case SET_VALUE:
        setValue(surface.root, nodes[operations[i + 1]], operations[i + 2] === 1, read(operations[i + 3]));
        i += 4;
        break;
      case INSERT:
        insert(nodes[operations[i + 1]], nodes[operations[i + 2]], operations[i + 3] === 0 ? null : nodes[operations[i + 3]]);
        i += 4;
        break;
      case REMOVE:
        nodes[operations[i + 1]].remove();
        nodes.fill(undefined, operations[i + 1], operations[i + 1] + operations[i + 2]);
        i += 3;
        break;
      case FREE:
        nodes.fill(undefined, operations[i + 1], operations[i + 1] + operations[i + 2]);
        i += 3;
        break;
      default:
        throw new Error(`a patch has the unknown operation ${operations[i]} at ${i}`);
    }
  }
}

function clone(nodes, template, first) {
  if (template.root === null) build(template);
  const { walk, marks } = template;
  let node = template.root.cloneNode(true);
  for (const step of walk) {
    if (step === CHILD) node = node.firstChild;
    else if (step === NEXT) node = node.nextSibling;
    else if (step === UP) node = node.parentNode;
    else {
      nodes[first + step] = node;
      const mark = marks[step];
      if (mark !== undefined) {
        node[NUMBER] = first + step;
        node[HANDLERS] = mark.handlers;
      }
    }
  }
}

/** Moves what is on the screen without taking it off, where the browser can: focus, scroll and animations stay. */
function insert(parent, node, sibling) {
  if (node.parentNode === parent && parent.isConnected && parent.moveBefore) parent.moveBefore(node, sibling);
  else parent.insertBefore(node, sibling);
}

/** Sets a field that shows something else; a caret stays where it is, or at the end. */
function setValue(root, node, unlessFocused, value) {
  const isFocused = root.activeElement === node;
  if (node.value === value || (isFocused && unlessFocused) || (node.type === "file" && value !== "")) return;
  const start = isFocused ? selectionStart(node) : null;
  const isAtEnd = start === node.value?.length;
  const { selectionEnd, selectionDirection } = node;
  node.value = value;
  if (start !== null && !isAtEnd) node.setSelectionRange(start, selectionEnd, selectionDirection);
}
