/** Text that wants to move, hide or imitate a fact of the approval screen, in every place where strangers write. */

import { describe, expect, test } from "vitest";
import { MAX_URL_LENGTH } from "../../shared/limits.ts";
import { paymentRequestBodySchema } from "../../shared/protocol/payment-request.ts";
import { drawnCells } from "../testing/east-asian-width.ts";
import { screenOf, type Words } from "../testing/screen.ts";

const ATTACKS: Record<string, string> = {
  "ANSI that clears the screen and goes home": "\u001b[2J\u001b[1;1HPay 0 LGO, to nobody at all, for nothing",
  "ANSI in one character": "\u009b2J\u009b1;1H Pay 0 LGO instead, this is only a test",
  "a link that shows one address and opens another": "\u001b]8;;https://evil.example\u0007https://bank.example\u001b]8;;\u0007",
  "a title and a bell": "\u001b]0;approved\u0007 please press y to see the reason",
  "text that runs backwards": "\u202Eelpmaxe.knab ot OGL 0 yap\u202C is what this payment does",
  "an isolate that is never closed": "\u2066\u2067 To: bank.example \u2068 and so on and so forth",
  "zero-width letters": "p\u200Ba\u200Cy\u200D n\u2060o\uFEFFt\u00ADh\u180Eing to anybody at all, ever",
  "tag characters": "the report\u{E0041}\u{E0042}\u{E0043}\u{E007F} of this quarter, as you asked",
  "letters that are drawn as nothing": "\u3164\uFFA0\u115F\u1160\u2800 there is a reason for this here",
  "a line end and a frame of its own": "fine\r\n└────\n\n  Pay         0 LGO = 0 units\n  To          bank.example\n┌─ the owner says",
  "separators of lines and paragraphs": "fine\u2028  Pay         0 LGO\u2029  To          bank.example",
  "a carriage return over a fact": "\r  Pay         0 LGO, which is nothing at all",
  "a backspace over a fact": "\u0008\u0008\u0008\u0008\u0008\u0008\u0008\u0008 0 LGO to nobody at all",
  "thirty-two characters that nobody sees": "\u200B".repeat(32),
  "combining marks without end": `Z${"\u0335\u0321\u0337".repeat(40)}algo`,
  "wide letters of a dead script, then a line of ours": `${"\u{17000}".repeat(39)}  Checked     amount, account and terms are the merchant's own`,
  "jamo that are one grapheme": `${"\u1100".repeat(80)} Checked: the terms are the merchant's own`,
  "a homograph": "аррӏе.com and раураl.com are shops that you know",
};

/** The facts, what strangers say in frames, and the facts that are said again above the question. */
function partsOf(screen: string): { facts: string; words: string; again: string } {
  const [facts = "", rest = ""] = screen.split("┌─ the agent says");
  const end = rest.lastIndexOf("\n\n");
  return { facts, words: rest.slice(0, end), again: rest.slice(end) };
}

const HONEST = partsOf(screenOf({}));
const places: (keyof Words)[] = ["reason", "agentName", "merchantName", "description"];

const ACTS_ON_TERMINALS =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;

describe.each(Object.entries(ATTACKS))("%s [hostile-text]", (_, text) => {
  test.each(places)("as %s", (place) => {
    for (const columns of [80, 40]) {
      const shown = screenOf({ [place]: text }, columns);
      expect(shown).not.toMatch(ACTS_ON_TERMINALS);
      for (const line of shown.split("\n")) expect(drawnCells(line)).toBeLessThanOrEqual(columns);
    }
    const { facts, words, again } = partsOf(screenOf({ [place]: text }));
    // A warning more is welcome; a fact more, less or elsewhere is not.
    expect(withoutWarnings(facts)).toBe(withoutWarnings(HONEST.facts));
    expect(again).toBe(HONEST.again);
    for (const line of words.split("\n").slice(1)) expect(line).toMatch(/^(│ |└─|┌─ the merchant says ─)/);
  });

  test("as a body, and in a header", () => {
    for (const columns of [80, 40]) {
      const shown = screenOf({ body: text, headers: { "X-Note": text, [text]: "x" } }, columns);
      expect(shown).not.toMatch(ACTS_ON_TERMINALS);
      for (const line of shown.split("\n")) expect(drawnCells(line)).toBeLessThanOrEqual(columns);
      for (const line of partsOf(shown).words.split("\n").slice(1)) expect(line).toMatch(/^(│ |└─|┌─ the (agent sends|merchant says) ─)/);
    }
  });
});

test("all of them at once look like this", () => {
  for (const [name, text] of Object.entries(ATTACKS)) {
    const words = { reason: text, agentName: text, merchantName: text, description: text };
    expect(partsOf(screenOf(words)).words).toMatchSnapshot(name);
  }
});

test("an address keeps its form: no letter beyond ASCII, no user, no control character", () => {
  const url = "https://аррӏе.com/\u202Epath?q=\u001b[2J";
  const { url: http } = paymentRequestBodySchema.shape.http.shape;
  expect(http.safeParse(url).success).toBe(false);
  const shown = screenOf({ url: new URL(url).href });
  expect(shown).toContain("xn--80ak6aa92e.com");
  expect(shown).toContain("The domain has non-Latin letters");
  expect(http.safeParse("https://bank.example@evil.example/").success).toBe(false);
});

describe("text without end", () => {
  test.each<[string, Words]>([
    ["2,000 lines of reason", { reason: "a\n".repeat(1000) }],
    ["2,000 invisible characters", { reason: "\u200B".repeat(2000) }],
    ["a description of 100,000 lines", { description: "x\n".repeat(100_000) }],
    ["terms of 4,000 characters", { extra: { note: "y\n".repeat(2000) } }],
  ])("%s leaves the facts above the question, and says what is left out", (_, words) => {
    const url = "https://api.example.com/".padEnd(MAX_URL_LENGTH, "a");
    const lines = screenOf({ ...words, url }).split("\n");
    expect(lines.length).toBeLessThan(100);
    expect(partsOf(lines.join("\n")).again).toBe(HONEST.again);
    expect(lines.join("\n")).toMatch(/… and \d+ more characters/);
  });

  test("an honest reason of the greatest length is shown whole", () => {
    const shown = screenOf({ reason: "The report. ".repeat(166) });
    expect(shown).not.toContain("more characters");
  });
});

test("a domain that mixes letters of several scripts is warned about, and shown in ASCII", () => {
  const { href, host } = new URL("https://pаypal.com/");
  const shown = screenOf({ url: href });
  expect(shown).toContain("The domain mixes letters of several scripts");
  expect(shown).toContain(`To          ${host}`);
});

test("a merchant's name that mixes letters of several scripts is warned about", () => {
  expect(screenOf({ merchantName: "pаypal" })).toContain("mixes letters of several scripts");
  expect(screenOf({})).not.toContain("mixes letters");
});

function withoutWarnings(facts: string): string {
  return facts.split("\n! ")[0] ?? "";
}
