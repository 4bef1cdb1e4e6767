/** test/hostile/README.md, from the tricks themselves. */
import { MODES } from "../test/hostile/facilitator.ts";
import { DOCUMENTS } from "../test/hostile/signing.ts";
import { TRICKS } from "../test/hostile/tricks.ts";
import { table } from "./markdown.ts";

const INTRODUCTION = `# Hostile peers

<!-- Made by \`npm run generate\` from tricks.ts, signing.ts and facilitator.ts. Change it there. -->

A merchant and a facilitator that misbehave on purpose, over real HTTP on loopback, for tests of ours and for whoever writes a client or a merchant of their own. They hold no money and settle nothing themselves.

\`\`\`sh
npx node test/hostile/serve.ts merchant
npx node test/hostile/serve.ts facilitator flood
\`\`\`

prints the address and this list. \`PORT\` chooses the port; \`HONEST\` is the facilitator to which the hostile one passes on what it does not spoil, \`http://127.0.0.1:8788\` unless said.
In a test: \`startHostileMerchant()\`, then \`at("flood")\` is the address, \`publish("huge")\` chooses its key document, and \`seen\` is what arrived; \`startHostileFacilitator(() => url)\`, then \`misbehave("hang", "/settle")\`.

"Named by" is the check of \`lez-agent-pay validate --active\` ([spec/validate.md](../../spec/validate.md)) that tells it. Where there is none, only a real payment or a client that remembers brings it to light.
`;

type Peers = Record<string, { does: string; caughtBy?: string }>;

function rows(first: string, peers: Peers, prefix: string): string {
  const body = Object.entries(peers).map(([name, { does, caughtBy }]) => [`\`${prefix}${name}\``, does, caughtBy ? `\`${caughtBy}\`` : ""]);
  return table([[first, "what it does", "named by"], ...body]);
}

/** File name, from the root of the repository → content. */
export function hostilePage(): Record<string, string> {
  const sections = [
    INTRODUCTION,
    "## The merchant\n\nEvery route sells the same goods for 10000 units, and plays one trick.\n",
    rows("route", TRICKS, "/"),
    "## Its key document\n\n`/.well-known/did.json`, one at a time for the whole merchant: `npx node test/hostile/serve.ts merchant huge`.\n",
    table([["document", "what it is"], ...Object.entries(DOCUMENTS).map(([name, { does }]) => [`\`${name}\``, does])]),
    "## The facilitator\n",
    rows("mode", MODES, ""),
  ];
  return { "test/hostile/README.md": sections.join("\n") };
}
