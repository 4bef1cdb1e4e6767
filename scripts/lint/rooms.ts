/**
 * The lint rule `house/rooms`: which part of the repository may import which. Its one option, in .oxlintrc.json, is the list of
 * rooms; `npm run generate` writes that list into spec/architecture.md.
 *
 * A house (a folder) may use the houses that it names, and the types of others that it names. Inside a house the rooms stand on
 * floors, from top to bottom: a file imports from its own room and from the floors below. Rooms on one floor do not know each
 * other. Types count like values.
 */

import path from "node:path";

/**
 * The rooms of one floor, and what each holds. A room is a path within the house: a folder, or a file without its ending. `.` is
 * the files that stand directly in the house.
 */
type Floor = Readonly<Record<string, string>>;

export interface House {
  holds: string;
  /** Houses that it imports. */
  uses?: readonly string[];
  /** Houses of which it imports types. */
  types?: readonly string[];
  /** Top to bottom. Without floors, files import each other freely. */
  floors?: readonly Floor[];
}

export type Houses = Readonly<Record<string, House>>;

interface Place {
  house: string;
  room: string | undefined;
  /** Counted from the top; -1 for a file that is in no room. */
  floor: number;
}

const TEST_CODE = /\.(test|ring)\.ts$|\/testing\//;

/** Returns what is wrong with an import, or undefined. `from` and `to` are paths in the repository, without their ending. */
export function objection(houses: Houses, from: string, to: string, typeOnly: boolean): string | undefined {
  const here = placeOf(houses, from);
  const there = placeOf(houses, to);
  if (!here || !there) return undefined;
  const { uses = [], types = [], floors } = houses[here.house] ?? {};
  if (here.house !== there.house) {
    if (uses.includes(there.house) || (typeOnly && types.includes(there.house))) return undefined;
    const allowed = [...uses, ...types.map((name) => `types of ${name}`)];
    return `${here.house}/ imports ${allowed.length > 0 ? allowed.join(" and ") : "nothing of ours"}.`;
  }
  if (!floors) return undefined;
  const homeless = here.room === undefined ? from : there.room === undefined ? to : undefined;
  if (homeless !== undefined) return `${homeless} is in no room: add it to "house/rooms" in .oxlintrc.json.`;
  if (here.room === there.room || here.floor < there.floor) return undefined;
  return `${here.room} does not import ${there.room}, which stands ${here.floor === there.floor ? "beside" : "above"} it in ${here.house}/.`;
}

/** The house and the room of a file: the most specific ones. Undefined outside of every house. */
function placeOf(houses: Houses, file: string): Place | undefined {
  const house = longest(Object.keys(houses).filter((name) => isIn(file, name)));
  if (house === undefined) return undefined;
  const floors = houses[house]?.floors ?? [];
  const inside = file.slice(house.length + 1);
  const rooms = floors.flatMap((floor) => Object.keys(floor));
  const room = longest(rooms.filter((name) => isIn(inside, name) || (name === "." && !inside.includes("/"))));
  return { house, room, floor: floors.findIndex((floor) => room !== undefined && room in floor) };
}

function isIn(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`);
}

function longest(names: string[]): string | undefined {
  return names.toSorted((a, b) => b.length - a.length)[0];
}

function withoutEnding(file: string): string {
  return file.replace(/\.[a-z]+$/, "");
}

/** The part of a syntax node that the rule reads: any form of import or re-export. */
interface ImportingNode {
  source?: { value?: unknown } | null;
  importKind?: string;
  exportKind?: string;
  specifiers?: { importKind?: string; exportKind?: string }[];
}

function isTypeOnly({ importKind, exportKind, specifiers = [] }: ImportingNode): boolean {
  if (importKind === "type" || exportKind === "type") return true;
  return specifiers.length > 0 && specifiers.every((specifier) => specifier.importKind === "type" || specifier.exportKind === "type");
}

/** The part of oxlint's rule context that the rule uses. */
interface RuleContext {
  cwd: string;
  filename: string;
  options: unknown[];
  report(problem: { node: ImportingNode; message: string }): void;
}

export const rooms = {
  meta: { schema: [{ type: "object" }] },
  create(context: RuleContext) {
    const [houses] = context.options as [Houses];
    const file = path.relative(context.cwd, context.filename);
    const check = (node: ImportingNode) => {
      const specifier = node.source?.value;
      if (typeof specifier !== "string" || !specifier.startsWith(".")) return;
      const target = path.join(path.dirname(file), specifier);
      const message = TEST_CODE.test(target)
        ? `${target} is test code: nothing that ships imports it.`
        : objection(houses, withoutEnding(file), withoutEnding(target), isTypeOnly(node));
      if (message !== undefined) context.report({ node, message });
    };
    return { ImportDeclaration: check, ImportExpression: check, ExportNamedDeclaration: check, ExportAllDeclaration: check };
  },
};
