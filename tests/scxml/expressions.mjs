// From the ECMAScript in a chart to expressions and guards, as far as these say the same: values, paths, arithmetic,
// comparisons, and, or, not, In(…). Whatever is more than that needs a script language, and is refused with what it is.
import { parseExpressionAt } from "acorn";

/** What a chart needs that a definition has no form for. */
export class Unsupported extends Error {}

export const unsupported = (what) => {
  throw new Unsupported(what);
};

const operators = {
  "+": "$add",
  "-": "$subtract",
  "*": "$multiply",
  "/": "$divide",
};

const comparisons = {
  "==": (a, b) => ({ $eq: [a, b] }),
  "===": (a, b) => ({ $eq: [a, b] }),
  "!=": (a, b) => ({ $ne: [a, b] }),
  "!==": (a, b) => ({ $ne: [a, b] }),
  ">": (a, b) => ({ $gt: [a, b] }),
  "<": (a, b) => ({ $gt: [b, a] }),
};

function parse(source) {
  let tree;
  try {
    tree = parseExpressionAt(source, 0, { ecmaVersion: 5 });
  } catch {
    unsupported("an expression that cannot be parsed, to be told as an error; here its definition is refused");
  }
  if (source.slice(tree.end).trim() !== "") unsupported("an expression that cannot be parsed, to be told as an error; here its definition is refused");
  return tree;
}

const eventType = { $eventType: null };

let declared = new Set();

/** The variables of the chart that is being converted; any other is an error when it is read. Gives those before. */
export function declare(names) {
  const before = declared;
  declared = new Set(names);
  return before;
}

/** The path of a variable or of the event's data. */
function path(node, data) {
  if (node.type === "Identifier") {
    if (node.name === "undefined") unsupported("undefined as a value");
    if (node.name.startsWith("_")) unsupported(`a system variable: ${node.name}`);
    if (!declared.has(node.name)) unsupported("a variable that is not declared, to be told as an error; here it is undefined");
    return `$${node.name}`;
  }
  if (node.object.type === "Identifier" && node.object.name === "_event") {
    const name = node.property.name;
    if (name === "name") return eventType;
    return name === "data" ? data : unsupported(`a system variable: _event.${name}`);
  }
  const key = node.computed ? node.property.value : node.property.name;
  const around = path(node.object, data);
  return around === "$$" ? `$$${key}` : `${around}.${key}`;
}

function expressionOf(node, data) {
  switch (node.type) {
    case "Literal":
      return typeof node.value === "string" && node.value.startsWith("$") ? { $literal: node.value } : node.value;
    case "Identifier":
    case "MemberExpression":
      return path(node, data);
    case "ArrayExpression":
      return node.elements.map((element) => expressionOf(element, data));
    case "ObjectExpression":
      return Object.fromEntries(node.properties.map(({ key, value }) => [key.name ?? key.value, expressionOf(value, data)]));
    case "UnaryExpression":
      if (node.operator === "!") return { $not: expressionOf(node.argument, data) };
      if (node.operator === "-") return { $subtract: [0, expressionOf(node.argument, data)] };
      return unsupported(`the operator ${node.operator}`);
    case "LogicalExpression":
      return { [node.operator === "&&" ? "$and" : "$or"]: [expressionOf(node.left, data), expressionOf(node.right, data)] };
    case "BinaryExpression":
      if (operators[node.operator]) return { [operators[node.operator]]: [expressionOf(node.left, data), expressionOf(node.right, data)] };
      // What has no value here is null, which these hold for the same as undefined.
      if (/^[!=]=$/.test(node.operator) && node.right.name === "undefined") return comparisons[node.operator](expressionOf(node.left, data), null);
      if (comparisons[node.operator]) return comparisons[node.operator](expressionOf(node.left, data), expressionOf(node.right, data));
      return unsupported(`the operator ${node.operator}`);
    case "CallExpression":
      return unsupported("calling a function");
    default:
      return unsupported("a script");
  }
}

const isIn = (node) => node.type === "CallExpression" && node.callee.name === "In" && typeof node.arguments[0]?.value === "string";

function guardOf(node, data) {
  if (isIn(node)) return { in: `#${node.arguments[0].value}` };
  if (node.type === "UnaryExpression" && node.operator === "!") return { not: guardOf(node.argument, data) };
  if (node.type === "LogicalExpression") {
    return { [node.operator === "&&" ? "and" : "or"]: [guardOf(node.left, data), guardOf(node.right, data)] };
  }
  // There is an event where it has a type.
  if (node.type === "Identifier" && node.name === "_event") return eventType;
  const expression = expressionOf(node, data);
  const isGuard = typeof expression === "boolean" || typeof expression === "object" || String(expression).startsWith("$");
  return isGuard ? expression : { $not: { $not: { $literal: expression } } };
}

/** `data` is where the event's data is: `$$`, or `$$output` where a final state told it. */
export const toExpression = (source, data = "$$") => expressionOf(parse(source), data);
export const toGuard = (source, data = "$$") => guardOf(parse(source), data);
