/**
 * A lint rule: no condition reads prose. `details`, `message` and `problem` are for readers of the output; a decision reads
 * a code, a kind or another typed member. oxlint loads this file as it is, hence JavaScript.
 */

const PROSE = new Set(["details", "message", "problem"]);
const COMPARISONS = new Set(["===", "!==", "==", "!=", "<", "<=", ">", ">=", "in", "instanceof"]);
const QUESTIONS = new Set(["includes", "startsWith", "endsWith", "indexOf", "match", "search", "test"]);

/** The name that an expression reads: `error.details`, `error["details"]`, or `details` after destructuring. */
function readName(node) {
  if (node.type === "Identifier") return node.name;
  if (node.type !== "MemberExpression") return undefined;
  const { property, computed } = node;
  if (computed) return property.type === "Literal" ? property.value : undefined;
  return property.name;
}

/** Whether the identifier is a value, not the name of a property or of something declared. */
function isValue(node) {
  const { parent } = node;
  if (parent.type === "MemberExpression") return parent.object === node || parent.computed;
  if (parent.type === "Property") return parent.value === node && parent.parent.type !== "ObjectPattern";
  return true;
}

/** Whether `child` decides what `parent` does or comes to. */
function decides(child, parent) {
  switch (parent.type) {
    case "IfStatement":
    case "ConditionalExpression":
    case "WhileStatement":
    case "DoWhileStatement":
    case "ForStatement":
      return parent.test === child;
    case "SwitchStatement":
      return parent.discriminant === child;
    case "LogicalExpression":
      return parent.operator !== "??" && parent.left === child;
    case "BinaryExpression":
      return COMPARISONS.has(parent.operator);
    case "UnaryExpression":
      return parent.operator === "!";
    case "CallExpression":
      return asks(parent.callee, child) || (parent.arguments.includes(child) && asks(parent.callee));
    default:
      return false;
  }
}

/** `text.includes(…)`, `pattern.test(text)`: a question about a text. */
function asks(callee, child) {
  return callee.type === "MemberExpression" && !callee.computed && QUESTIONS.has(callee.property.name) && (!child || callee === child);
}

/** Statements end the search: what stands in a branch is not in its condition. */
function inCondition(node) {
  for (let child = node; child.parent; child = child.parent) {
    if (decides(child, child.parent)) return true;
    if (/Statement$|Declaration$/.test(child.parent.type)) return false;
  }
  return false;
}

function check(context) {
  return (node) => {
    const name = readName(node);
    if (!PROSE.has(name) || (node.type === "Identifier" && !isValue(node)) || !inCondition(node)) return;
    context.report({ node, message: `A condition reads \`${name}\`, which is prose. Decide by a code, a kind or another typed member.` });
  };
}

export default {
  meta: { name: "house" },
  rules: {
    "no-money-from-prose": {
      meta: { type: "problem", schema: [] },
      create: (context) => ({ Identifier: check(context), MemberExpression: check(context) }),
    },
  },
};
