/** Finds a member in the text of a JSON document, so that an error can name its line. */

const SPACE = /[ \t\r\n]*/y;
const SCALAR = /[^,\]} \t\r\n]+/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;

/**
 * @param text a JSON document that has parsed
 * @param path members and indices from the root; the last one may be a member's name
 * @returns the line of the last one's name or element, from 1; undefined if there is no such place
 */
export function lineOf(text: string, path: readonly PropertyKey[]): number | undefined {
  const at = locate(text, path);
  return at === undefined ? undefined : text.slice(0, at).split("\n").length;
}

function locate(text: string, path: readonly PropertyKey[]): number | undefined {
  let at = match(text, SPACE, 0);
  for (const [depth, wanted] of path.entries()) {
    const found = text[at] === "{" ? member(text, at, String(wanted)) : text[at] === "[" ? element(text, at, Number(wanted)) : undefined;
    if (!found) return undefined;
    at = depth === path.length - 1 ? found.name : found.value;
  }
  return at;
}

interface Place {
  name: number;
  value: number;
}

function member(text: string, start: number, wanted: string): Place | undefined {
  let found: Place | undefined;
  each(text, start, (at) => {
    const end = match(text, STRING, at);
    const value = match(text, SPACE, match(text, SPACE, end) + 1); // behind the colon
    if (JSON.parse(text.slice(at, end)) === wanted) found ??= { name: at, value };
    return skip(text, value);
  });
  return found;
}

function element(text: string, start: number, wanted: number): Place | undefined {
  let [found, index]: [Place | undefined, number] = [undefined, 0];
  each(text, start, (at) => {
    if (index++ === wanted) found = { name: at, value: at };
    return skip(text, at);
  });
  return found;
}

/** Calls `item` at each item of the object or array at `start`; `item` returns the item's end. Returns the end of the whole. */
function each(text: string, start: number, item: (at: number) => number): number {
  let at = match(text, SPACE, start + 1);
  while (text[at] !== "}" && text[at] !== "]") {
    at = match(text, SPACE, item(at));
    if (text[at] === ",") at = match(text, SPACE, at + 1);
  }
  return at + 1;
}

/** The end of the value at `at`. */
function skip(text: string, at: number): number {
  if (text[at] === "{") return each(text, at, (name) => skip(text, match(text, SPACE, match(text, SPACE, match(text, STRING, name)) + 1)));
  if (text[at] === "[") return each(text, at, (value) => skip(text, value));
  return match(text, text[at] === '"' ? STRING : SCALAR, at);
}

/** The end of the match at `at`. */
function match(text: string, pattern: RegExp, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(text)?.[0].length ?? 0);
}
