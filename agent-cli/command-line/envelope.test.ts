/** What a person at a terminal reads of a failure, whose details only the envelope has. */

import { expect, test } from "vitest";
import { layoutFor } from "../runtime/layout.ts";
import { fail } from "../runtime/outcome.ts";
import { failureText } from "./envelope.ts";

const layout = layoutFor({ columns: 80 }, {});

test("of several requests a terminal names each one that was left out, and why [failure-left-out]", () => {
  const leftOut = [
    { request: "7F3K-9QPD", code: "merchant_changed", message: "https://shop.example asks to be paid to another account." },
    { request: "2MBX-40TC", code: "other_money", message: "Approve it alone: lez-agent-pay approve 2MBX-40TC\u001b[31m" },
  ];
  const failure = fail("batch_incomplete", "1 approved, 2 could not be.", {
    hint: "What was approved stays approved.",
    details: { leftOut },
  });
  if (failure.ok) throw new Error("a failure");
  const text = failureText(failure, layout, { npm_command: "exec" }).join("\n");
  expect(text).toContain("! 7F3K-9QPD: https://shop.example asks to be paid to another account.");
  expect(text).toContain("! 2MBX-40TC: Approve it alone: npx lez-agent-pay approve 2MBX-40TC");
  expect(text).not.toContain("\u001b");
});

test("details of another shape are not shown", () => {
  const failure = fail("not_approved", "No.", { details: { leftOut: "all of them" } });
  expect(failureText(failure, layout, {})).toEqual(["No. [not_approved]"]);
});
