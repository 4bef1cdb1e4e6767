/** spec/validate.md, from the checks themselves. */

import { EXIT } from "../agent-cli/runtime/exit-codes.ts";
import type { ConformanceCheck } from "../agent-cli/validate/check.ts";
import { FACILITATOR_CHECKS, MERCHANT_CHECKS } from "../agent-cli/validate/checks.ts";
import { item } from "./markdown.ts";

const INTRODUCTION = `# validate

<!-- Made by \`npm run generate\` from agent-cli/validate/. Change it there. -->

\`lez-agent-pay validate <url>\` checks any x402 version 2 endpoint. \`lez-agent-pay validate --facilitator <url>\` checks a facilitator.
Both report point by point: what must hold, by which clause, what was seen, and what to change.
Ids are never renamed and never reused, so scripts can rely on them.
`;

const SENDS = `## What it sends

It cannot pay. It reads no key and makes no signature: signatures are zeros, from an account made for this run.

- **Always**: the request itself, unpaid, twice; HEAD; a preflight; the request as a page of another origin and as a browser would
  make it; three other spellings of its path. To a facilitator: \`/supported\`, and \`/verify\`, which changes nothing (x402 v2 §7.1).
- **With \`--active\`**: malformed payments, one without a signature, and some that accept other terms than were offered. To a
  facilitator also \`/settle\`.

Requests go out one after the other, with a timeout of 10 seconds each (\`--timeout\`). After two that got no answer it skips the rest.
It follows no redirect. It bounds what an endpoint sends and shows every unsafe character as its number.
`;

const VERDICTS = `- **pass**: it holds.
- **warn**: honest payments work, but a buyer or the seller will notice, or may lose.
- **fail**: buyers cannot pay, or cannot know what they paid, or can get the resource unpaid.
- **skipped**: it was not checked. The report says why.
`;

const OUTCOME = `Exit code ${EXIT.ok}: nothing failed; the report is \`data\` of the envelope. Exit code ${EXIT.differs}, error code \`not_conformant\`: a check failed, or
with \`--strict\` warned; the same report is \`error.details\`. Exit code ${EXIT.network}: the endpoint does not answer.
Programs read \`checks[].id\` and \`checks[].verdict\`. The rest is for people and may change.

Any network is accepted. Checks whose id begins with \`lez.\` look at offers on our own network only and are skipped without one;
signatures of other networks are not judged. It never makes a payment, so it cannot see what follows a good one: that the merchant
refuses copies, and that its receipt is right.
`;

const ENTRY = `Each entry has the id, what must hold, and in brackets the clause and the verdict if it does not; then what to change.
`;

function list<Seen>(checks: readonly ConformanceCheck<Seen>[]): string {
  return checks
    .map(({ id, title, clause, severity, change, active }) =>
      item(`\`${id}\`: ${title} (${clause}; ${severity}${active ? "; needs `--active`" : ""}). ${change}`),
    )
    .join("");
}

/** File name, from the root of the repository → content. */
export function validatePage(): Record<string, string> {
  const sections = [
    INTRODUCTION,
    SENDS,
    "## The report\n",
    VERDICTS,
    OUTCOME,
    "## Checks of a merchant\n",
    ENTRY,
    list(MERCHANT_CHECKS),
    "## Checks of a facilitator\n",
    list(FACILITATOR_CHECKS),
  ];
  return { "spec/validate.md": sections.join("\n") };
}
