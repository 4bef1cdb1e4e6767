/** spec/errors.md, from the one error table. */

import { DESK_ERRORS } from "../shared/desk/codes.ts";
import { ERROR_CODES, type ErrorCode, ERRORS } from "../shared/errors.ts";
import { item } from "./markdown.ts";

const INTRODUCTION = `# Error codes

<!-- Made by \`npm run generate\` from shared/errors.ts and shared/desk/codes.ts. Change it there. -->

Every refusal carries one code from this page. Programs act on the code, \`retryable\` and \`safeToRetrySamePayment\`.
Messages and hints are for people and may change.
`;

const PLACES = `## Where a code appears

- **Body** of every error answer of the merchant, and of the facilitator's calls other than \`/verify\` and \`/settle\`:

  \`\`\`text
  { "error": "<code>", "problem": { "code", "message", "hint", "retryable", "safeToRetrySamePayment", "detail"? } }
  \`\`\`

  Terms, if the answer has any, stand beside it.
- **\`X-Payment-Error\`** on every error answer of the merchant: the bare code, for clients that read headers only.
- **\`PAYMENT-REQUIRED\`**, member \`error\`: why this request was refused; \`payment_required\` if it carried no payment.
- **\`PAYMENT-RESPONSE\`**, member \`errorReason\`: the code of a payment that was verified or settled, and refused; \`success\` is \`false\`.
- **\`invalidReason\`, \`errorReason\`** of the facilitator's \`/verify\` and \`/settle\`: the code. The HTTP status of a business result is 200.
`;

const LEGEND = `## How to read an entry

The number is the HTTP status of the merchant's answer.

- **retry**: trying again can succeed with the same terms, later or with a new payment.
- **same payment is safe**: presenting the very same payment again cannot pay twice and may succeed. Try that before you ask for a new one.
`;

const DESK = `## Codes of a hosted desk

In the body of a refusal, \`{ "ok": false, "error": { "code", "message", "hint" } }\`, beside the codes above that it uses too. The number is
the HTTP status. spec/desk.md.
`;

/** File name, from the root of the repository → content. */
export function errorPage(): Record<string, string> {
  const stable = ERROR_CODES.filter((code) => ERRORS[code].stable);
  const others = ERROR_CODES.filter((code) => !ERRORS[code].stable);
  const sections = [
    INTRODUCTION,
    PLACES,
    LEGEND,
    "## The twelve stable codes\n\nThese are never renamed and never reused.\n",
    codeList(stable),
    "## The other codes\n\nA client that meets a code it does not know goes by `retryable` and `safeToRetrySamePayment`.\n",
    codeList(others),
    DESK,
    ...Object.entries(DESK_ERRORS).map(([code, { status, message, hint }]) => item(`\`${code}\` (${status}): ${message} ${hint}`)),
  ];
  return { "spec/errors.md": sections.join("\n") };
}

function codeList(codes: readonly ErrorCode[]): string {
  return codes.map(entry).join("");
}

/** - `nonce_replayed` (409; retry): what it means. What to do. */
function entry(code: ErrorCode): string {
  const { status, retryable, safeToRetrySamePayment, message, hint } = ERRORS[code];
  const facts = [String(status), ...(retryable ? ["retry"] : []), ...(safeToRetrySamePayment ? ["same payment is safe"] : [])];
  return item(`\`${code}\` (${facts.join("; ")}): ${message} ${hint}`);
}
