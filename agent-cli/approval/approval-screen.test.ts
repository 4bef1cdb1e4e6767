/** What an owner can rely on finding on the approval screen, whatever the terms are. */

import { describe, expect, test } from "vitest";
import { declareRefunds, REFUND } from "../../shared/extensions/refund.ts";
import { MAX_OFFER_LENGTH, MAX_REASON_LENGTH, MAX_URL_LENGTH } from "../../shared/limits.ts";
import { screenOf } from "../testing/screen.ts";

const UPFRONT = "The money is taken BEFORE the answer comes";
const ANY_LEDGER = "It names no ledger: each ledger of this network could settle it once.";

const inOneLine = (screen: string) => screen.replaceAll(/\s+/g, " ");

describe("that a payment is made once", () => {
  test("is said where a ledger is signed", () => {
    const shown = screenOf({});
    expect(shown).toContain("units, exactly, once\n");
    expect(shown).not.toContain(ANY_LEDGER);
  });

  test.each([80, 40])(
    "is not said where none is: each could settle it, and that is warned of (%i columns) [screen-no-ledger]",
    (columns) => {
      const shown = inOneLine(screenOf({ extra: { ledger: null } }, columns));
      expect(shown).toMatch(/units, exactly To /);
      expect(shown).toContain(ANY_LEDGER);
    },
  );
});

describe("that the money is taken before the answer comes", () => {
  test.each<[string, Record<string, unknown>]>([
    ["alone in the terms", {}],
    ["behind words that are cut off", { a: "All purchases come with our guarantee. ".repeat(MAX_OFFER_LENGTH / 80) }],
  ])("is said in our own words: %s [screen-upfront]", (_, more) => {
    const shown = screenOf({ extra: { ...more, paymentFlow: "upfront" } });
    expect(inOneLine(shown.split("┌─ the agent says")[0] ?? "")).toContain(`! ${UPFRONT}`);
    expect(shown).not.toContain("paymentFlow");
  });

  test("is not said where it is not", () => {
    for (const extra of [{}, { paymentFlow: "authorization" }]) expect(screenOf({ extra })).not.toContain(UPFRONT);
  });
});

test("amount, host and account stand right above the question [screen-facts-at-question]", () => {
  const url = "https://api.example.com/".padEnd(MAX_URL_LENGTH, "a");
  const lines = screenOf({ url, reason: "The report. ".repeat(MAX_REASON_LENGTH / 12) }).split("\n");
  expect(lines.slice(-4)).toEqual([
    "",
    "  Pay         0.0025 LGO",
    "  To          api.example.com",
    "  Account     6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj",
  ]);
});

describe("what goes along with the request", () => {
  test("is shown in a frame of its own [screen-body]", () => {
    const headers = { "Content-Type": "application/json", Authorization: "Bearer s3cret" };
    const shown = screenOf({ body: '{"transfer":{"to":"me"}}', headers });
    expect(shown).toMatch(
      /┌─ the agent sends ─+\n│ Headers[^\n]+\n│ Content-Type: application\/json\n│ Authorization: \(hidden\)\n│ \n│ Body: 24 bytes, application\/json:\n│ \{\n│ {3}"transfer": \{\n│ {5}"to": "me"\n/,
    );
    expect(shown).not.toContain("s3cret");
    expect(inOneLine(shown)).toMatch(/Body 24 bytes, application\/json; SHA-256 [0-9a-f]{64}/);
    expect(shown).not.toContain("You approve a body that you cannot read");
  });

  test("is warned about if it cannot be read whole", () => {
    expect(inOneLine(screenOf({ body: "x".repeat(5000) }))).toContain("! You approve a body that you cannot read: it is too long");
    expect(inOneLine(screenOf({ body: "a\0b" }))).toContain("! The body is not text: only its type and size are shown.");
  });
});

test("what a seller promises of refunds stands among its own words, and only if its host confirms the terms [screen-refund-terms]", () => {
  const extensions = { [REFUND]: declareRefunds("https://shop.example/refunds") };
  const promise = "Refunds: the seller says that refunds are possible within 30 days";
  const shown = screenOf({ extensions });
  expect(inOneLine(shown.slice(shown.indexOf("the merchant says")))).toContain(promise);
  expect(inOneLine(shown.slice(0, shown.indexOf("the merchant says")))).not.toContain("efund");
  expect(inOneLine(screenOf({ extensions, unconfirmed: "it did not answer" }))).not.toContain(promise);
  const lie = { [REFUND]: { info: { ...declareRefunds("https://shop.example/").info, windowSeconds: "for ever" } } };
  expect(inOneLine(screenOf({ extensions: lie }))).not.toContain("for ever");
});
