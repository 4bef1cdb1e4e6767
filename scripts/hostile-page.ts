/** test/hostile/README.md, from the tricks themselves. */

import { MODES } from "../test/hostile/facilitator.ts";
import { DOCUMENTS } from "../test/hostile/signing.ts";
import { TRICKS } from "../test/hostile/tricks.ts";
import { item } from "./markdown.ts";

const INTRODUCTION = `# Hostile peers

<!-- Made by \`npm run generate\` from tricks.ts, signing.ts and facilitator.ts. Change it there. -->

A merchant and a facilitator that misbehave on purpose, over real HTTP on loopback. Our tests use them, and so can you, to
test a client or a merchant of your own. They hold no money and settle nothing themselves.

\`\`\`sh
npx node test/hostile/serve.ts merchant
npx node test/hostile/serve.ts facilitator flood
\`\`\`

Each prints its address and this list. \`PORT\` chooses the port. \`HONEST\` is the facilitator that receives what the hostile one
does not spoil; the default is \`http://127.0.0.1:8788\`.

In a test of ours, \`startHostileMerchant()\` returns \`at("flood")\`, the address of a trick, \`publish("huge")\`, which chooses the key
document, and \`seen\`, the requests that arrived. \`startHostileFacilitator(() => url)\` returns \`misbehave("hang", "/settle")\`.

The id after the arrow is the check of \`lez-agent-pay validate --active\` ([spec/validate.md](../../spec/validate.md)) that finds it.
Tricks without one need a real payment, or a client that remembers the merchant, to be found.
`;

type Peers = Record<string, { does: string; caughtBy?: string }>;

function list(peers: Peers, prefix: string): string {
  return Object.entries(peers)
    .map(([name, { does, caughtBy }]) => item(`\`${prefix}${name}\`: ${does}${caughtBy ? ` → \`${caughtBy}\`` : ""}`))
    .join("");
}

/** File name, from the root of the repository → content. */
export function hostilePage(): Record<string, string> {
  const sections = [
    INTRODUCTION,
    "## The merchant\n\nEvery route sells the same goods for 10000 units, and plays one trick.\n",
    list(TRICKS, "/"),
    "## Its key document\n\n`/.well-known/did.json`, one at a time for all routes: `npx node test/hostile/serve.ts merchant huge`.\n",
    list(DOCUMENTS, ""),
    "## The facilitator\n",
    list(MODES, ""),
  ];
  return { "test/hostile/README.md": sections.join("\n") };
}
