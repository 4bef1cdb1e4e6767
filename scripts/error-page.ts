/** spec/errors.md, from the one error table. */
import { table } from "./markdown.ts";
import { ERROR_CODES, type ErrorCode, ERRORS } from "../shared/errors.ts";

const INTRODUCTION = `# Error codes

<!-- Made by \`npm run generate\` from shared/errors.ts. Change it there. -->

Every refusal carries one code from this page. Programs act on the code and on the two answers beside it; messages and hints are for people and may change.
`;

const BODY = '`{ "error": "<code>", "problem": { "code", "message", "hint", "retryable", "safeToRetrySamePayment", "detail"? } }`';

const PLACES = [
  ["place", "carried by", "form"],
  [
    "body",
    "every error answer of the merchant, and of the facilitator's calls beside x402's",
    `${BODY}, beside the terms where there are terms`,
  ],
  ["`X-Payment-Error`", "every error answer of the merchant", "the bare code, for clients that read headers only"],
  [
    "`PAYMENT-REQUIRED`, member `error`",
    "answers with fresh terms",
    "why this request was refused; `payment_required` where it had no payment",
  ],
  ["`PAYMENT-RESPONSE`, member `errorReason`", "a payment that was verified or settled, and refused", 'the code, with `"success": false`'],
  ["`invalidReason`, `errorReason`", "the facilitator's `/verify` and `/settle`", "the code; the HTTP status of a business result is 200"],
];

const LEGEND = `- **HTTP**: the status of a merchant's answer.
- **retry**: "yes" means that trying again can succeed although nobody changes the terms, be it later or with a new payment.
- **same payment**: "safe" means that presenting the very same payment again cannot pay twice and may succeed. Do that before you ask for a new one.
`;

/** File name, from the root of the repository → content. */
export function errorPage(): Record<string, string> {
  const stable = ERROR_CODES.filter((code) => ERRORS[code].stable);
  const others = ERROR_CODES.filter((code) => !ERRORS[code].stable);
  const sections = [
    INTRODUCTION,
    "## Where a code appears\n",
    table(PLACES),
    "## What the columns say\n",
    LEGEND,
    "## The twelve stable codes\n\nNever renamed, never reused for something else.\n",
    codeTable(stable),
    "## The other codes\n\nAdded by this system. A client that meets a code it does not know can go by `retryable` and `safeToRetrySamePayment`.\n",
    codeTable(others),
  ];
  return { "spec/errors.md": sections.join("\n") };
}

function codeTable(codes: readonly ErrorCode[]): string {
  const rows = codes.map((code) => {
    const { status, retryable, safeToRetrySamePayment, message, hint } = ERRORS[code];
    return [`\`${code}\``, String(status), retryable ? "yes" : "no", safeToRetrySamePayment ? "safe" : "no", message, hint];
  });
  return table([["code", "HTTP", "retry", "same payment", "meaning", "what to do"], ...rows]);
}
