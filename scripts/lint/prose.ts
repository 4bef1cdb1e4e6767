/**
 * The lint rule `house/prose`: no condition reads `details`, `message` or `problem`. Those are for readers of the output; a
 * decision reads a code, a kind or another typed member. .oxlintrc.json names the rooms.
 */

const PROSE: ReadonlySet<unknown> = new Set(["details", "message", "problem"]);
const COMPARISONS = new Set(["===", "!==", "==", "!=", "<", "<=", ">", ">=", "in", "instanceof"]);
const QUESTIONS = new Set(["includes", "startsWith", "endsWith", "indexOf", "match", "search", "test"]);

/** The part of a syntax node that the rule reads. */
interface Node {
  type: string;
  parent: Node | null;
  name?: string;
  value?: unknown;
  operator?: string;
  computed?: boolean;
  object?: Node;
  property?: Node;
  test?: Node;
  discriminant?: Node;
  left?: Node;
  callee?: Node;
  arguments?: Node[];
}

/** The name that an expression reads: `error.details`, `error["details"]`, or `details` after destructuring. */
function nameRead(node: Node): unknown {
  if (node.type === "Identifier") return isValue(node) ? node.name : undefined;
  return node.computed ? node.property?.value : node.property?.name;
}

/** Whether an identifier stands for its value, and not for a property's name. */
function isValue(node: Node): boolean {
  const { parent } = node;
  if (parent?.type === "MemberExpression") return parent.object === node || parent.computed === true;
  if (parent?.type === "Property") return parent.value === node && parent.parent?.type !== "ObjectPattern";
  return true;
}

/** Whether `child` decides what `parent` does, or what it comes to. */
function decides(child: Node, parent: Node): boolean {
  switch (parent.type) {
    case "IfStatement":
    case "ConditionalExpression":
    case "WhileStatement":
    case "DoWhileStatement":
    case "ForStatement":
    case "SwitchCase":
      return parent.test === child;
    case "SwitchStatement":
      return parent.discriminant === child;
    case "LogicalExpression":
      return parent.operator !== "??" && parent.left === child;
    case "BinaryExpression":
      return COMPARISONS.has(parent.operator ?? "");
    case "UnaryExpression":
      return parent.operator === "!";
    case "CallExpression":
      return isQuestion(parent.callee) && (parent.callee === child || parent.arguments?.includes(child) === true);
    default:
      return false;
  }
}

/** A call that answers yes or no: `text.includes`, `pattern.test`, `Boolean`. */
function isQuestion(callee: Node | undefined): boolean {
  if (callee?.type === "Identifier") return callee.name === "Boolean";
  return callee?.type === "MemberExpression" && QUESTIONS.has(callee.property?.name ?? "");
}

/** A statement ends the search: a branch is no part of its condition. */
function isInCondition(node: Node): boolean {
  for (let child = node; child.parent; child = child.parent) {
    if (decides(child, child.parent)) return true;
    if (/(Statement|Declaration)$/.test(child.parent.type)) return false;
  }
  return false;
}

/** The part of oxlint's rule context that the rule uses. */
interface RuleContext {
  report(problem: { node: Node; message: string }): void;
}

export const prose = {
  meta: { schema: [] },
  create(context: RuleContext) {
    const check = (node: Node) => {
      const name = nameRead(node);
      if (!PROSE.has(name) || !isInCondition(node)) return;
      context.report({ node, message: `A condition reads "${String(name)}", which is prose: decide by a code or a kind.` });
    };
    return { Identifier: check, MemberExpression: check };
  },
};
