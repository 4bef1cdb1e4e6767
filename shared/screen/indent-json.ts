/**
 * Indents JSON without reading it: every number, string and repeated name stays as it was sent. A parser would round numbers
 * and drop the first of two equal names, and a server may take the other.
 */

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** @returns undefined if the text is not an object or an array in JSON */
export function indentJson(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text) || !isJson(text)) return undefined;
  const tokens = text.match(TOKEN) ?? [];
  let depth = 0;
  let out = "";
  tokens.forEach((token, i) => {
    const line = () => `\n${"  ".repeat(depth)}`;
    const empty = (token === "{" && tokens[i + 1] === "}") || (token === "[" && tokens[i + 1] === "]");
    const closesEmpty = (token === "}" && tokens[i - 1] === "{") || (token === "]" && tokens[i - 1] === "[");
    if (token === "{" || token === "[") {
      depth++;
      out += empty ? token : token + line();
    } else if (token === "}" || token === "]") {
      depth--;
      out += closesEmpty ? token : line() + token;
    } else if (token === ",") out += token + line();
    else out += token === ":" ? ": " : token;
  });
  return out;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
