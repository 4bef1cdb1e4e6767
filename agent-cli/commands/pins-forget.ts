/** `pins forget`: the owner removes a merchant's pin, because the merchant changed for a reason. */

import * as z from "zod";
import { isNativeNetwork } from "../../shared/lez.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField } from "../command-line/fields.ts";
import { forgetChain } from "../records/chain-pins.ts";
import { forgetPin } from "../records/merchant-pins.ts";
import { fail, succeed } from "../runtime/outcome.ts";

export const pinsForget = defineCommand({
  name: "pins forget",
  audience: "owner",
  summary: "forget a merchant's account and key, or a network's chain",
  description:
    "For a merchant that has changed its account or its key and has said so elsewhere. The next visit counts as the first. Of a network of the chain itself that was reset: keys that signed on the old chain stay refused.",
  input: z.strictObject({
    origin: z.string().meta({ positional: true, description: "the merchant: https://api.example.com; or a network: lez:testnet" }),
    ...dryRunField,
  }),
  output: z.strictObject({ dryRun: z.literal(true).optional(), origin: z.string(), known: z.boolean() }),
  examples: [
    { says: "after its operator has told you why", argv: "pins forget https://api.example.com" },
    { says: "after the public testnet was reset", argv: "pins forget lez:testnet" },
    { says: "is it known at all?", argv: "pins forget https://api.example.com --dry-run" },
  ],
  async run(context, { origin: given, dryRun }) {
    if (isNativeNetwork(given)) {
      const known = await forgetChain(context, given, dryRun);
      return known.ok ? succeed({ ...(dryRun && { dryRun }), origin: given, known: known.data }) : known;
    }
    const url = URL.canParse(given) ? new URL(given) : undefined;
    if (url?.protocol !== "https:" && url?.protocol !== "http:") {
      return fail("usage", "Name the merchant by its origin: https://api.example.com", { hint: "lez-agent-pay pins list shows them." });
    }
    const { origin } = url;
    const known = await forgetPin(context, origin, dryRun);
    return known.ok ? succeed({ ...(dryRun && { dryRun }), origin, known: known.data }) : known;
  },
  render: ({ dryRun, origin, known }) => [
    known ? `${dryRun ? "Would forget" : "Forgot"} ${origin}.` : `${origin} is not known, so there is nothing to forget.`,
  ],
});
