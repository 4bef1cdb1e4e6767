/** Whether a facilitator serves the explorer, and whether it shows an account's books to every caller. */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { type Outcome, refuse, succeed } from "../runtime/outcome.ts";
import type { Place } from "./books.ts";
import { callFacilitator, type FacilitatorInput, facilitatorUrl } from "./client.ts";

const healthSchema = z.looseObject({ ledger: digestSchema, explorer: z.literal(true).optional() });

export async function explorerPlace(context: Context, input: FacilitatorInput): Promise<Outcome<Place>> {
  const facilitator = facilitatorUrl(context, input);
  if (!facilitator.ok) return facilitator;
  const health = await callFacilitator(context, input, { path: "/health", answer: healthSchema });
  if (!health.ok) return health;
  const { ledger, explorer } = health.data;
  if (explorer) return succeed({ facilitator: facilitator.data, ledger });
  return refuse("not_found", EXIT.unsupported, `The facilitator at ${facilitator.data} serves no explorer.`, {
    hint: "Its operator can deploy one (docs/explorer.md). `lez-agent-pay balance` and `audit verify` read the books in the terminal.",
  });
}

/** Asks as a stranger does. */
export async function booksAreOpen(context: Context, input: FacilitatorInput, account: AccountId): Promise<Outcome<boolean>> {
  const read = await callFacilitator(context, input, { path: `/accounts/${account}`, answer: z.looseObject({}) });
  if (read.ok) return succeed(true);
  return read.error.code === "unauthorized" ? succeed(false) : read;
}
