/** Text that wants to move, hide or imitate a fact of the approval screen, in every place where strangers write. */

import { describe, expect, test } from "vitest";
import { MAX_URL_LENGTH } from "../../shared/limits.ts";
import { paymentRequestBodySchema } from "../../shared/protocol/payment-request.ts";
import { ATTACKS } from "../../shared/screen/testing/hostile-text.ts";
import { drawnCells } from "../testing/east-asian-width.ts";
import { screenOf, type Words } from "../testing/screen.ts";

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
