/** spec/validate.md, from the checks themselves. */
import type { ConformanceCheck } from "../agent-cli/validate/check.ts";
import { FACILITATOR_CHECKS, MERCHANT_CHECKS } from "../agent-cli/validate/checks.ts";
import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import { table } from "./markdown.ts";

const INTRODUCTION = `# validate

<!-- Made by \`npm run generate\` from agent-cli/validate/. Change it there. -->

\`lez-agent-pay validate <url>\` checks any x402 version 2 endpoint, \`lez-agent-pay validate --facilitator <url>\` a facilitator, and reports point by point: what must hold, by which clause, what was seen, and what to change.
An id is never renamed and never reused, so that scripts can name it.
`;

const SENDS = `## What it sends

Nothing here can pay. No key is read, and no signature is made: where one belongs there are zeros, from an account that was made for this run.

- **Always**: the request itself, unpaid, twice; HEAD; a preflight; the request as a page of another origin and as a browser would make it; three other spellings of its path. Of a facilitator: \`/supported\`, and \`/verify\`, which by x402 v2 §7.1 changes nothing.
- **With \`--active\`**: malformed payments, one without a signature, and some that accept other terms than were offered. Of a facilitator also \`/settle\`.

Requests go out one after the other, 10 seconds each (\`--timeout\`). After two that were not answered the rest is skipped. Redirects are not followed, and what an endpoint sends is bounded and shown with every unsafe character spelled out.
`;

const VERDICTS = [
  ["verdict", "means"],
  ["pass", "it holds"],
  ["warn", "honest payments work, but somebody will notice, or may lose: a buyer, or the seller"],
  ["fail", "buyers cannot pay, or cannot know what they paid, or the resource can be had unpaid"],
  ["skipped", "it was not looked at, and the report says why"],
];

const OUTCOME = `Exit code ${EXIT.ok}: nothing failed; the report is \`data\` of the envelope. Exit code ${EXIT.differs}, error code \`not_conformant\`: a check failed, or with \`--strict\` warned; the same report is \`error.details\`.
Exit code ${EXIT.network}: nobody answers there. A program reads \`checks[].id\` and \`checks[].verdict\`; the rest is for people and may change.

The network of an offer does not matter. Checks whose id begins with \`lez.\` look at offers on our own network only, and are skipped where there are none; no signature of another network is judged. A payment
is never made, so what happens after a good one is not seen: that copies of it are refused, and that its receipt is right.
`;

function rows<Visit>(checks: readonly ConformanceCheck<Visit>[]): string {
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const body = checks.map(({ id, title, clause, severity, change, active }) => [
    `\`${id}\``,
    cell(title),
    clause,
    severity,
    active ? "yes" : "",
    cell(change),
  ]);
  return table([["id", "what must hold", "clause", "else", "active", "what to change"], ...body]);
}

/** File name, from the root of the repository → content. */
export function validatePage(): Record<string, string> {
  const sections = [
    INTRODUCTION,
    SENDS,
    "## What comes out\n",
    table(VERDICTS),
    OUTCOME,
    '## Checks of a merchant\n\n"Active" are those that need `--active`.\n',
    rows(MERCHANT_CHECKS),
    "## Checks of a facilitator\n",
    rows(FACILITATOR_CHECKS),
  ];
  return { "spec/validate.md": sections.join("\n") };
}
