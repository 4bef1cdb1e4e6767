/** The ledger that the user's facilitator settles on, for objects that name it before anything is paid. */

import { type Digest, digestSchema } from "../../shared/crypto/digest.ts";
import { NETWORK, SCHEME } from "../../shared/lez.ts";
import { supportedResponseSchema } from "../../shared/x402/x402.ts";
import { areApart, CLOCK_HINT, clockSkewText } from "../runtime/clocks.ts";
import type { Context } from "../runtime/context.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { callFacilitator, type FacilitatorInput } from "./client.ts";

/** If the configuration names a ledger, it must be that one. */
export function askLedger(context: Context, input: FacilitatorInput): Promise<Outcome<Digest>> {
  return ask(context, input, false);
}

/** For an object that is dated now: a ledger whose clock is far from this machine's would refuse it, or keep it longer than its owner thinks. */
export function askLedgerInTime(context: Context, input: FacilitatorInput): Promise<Outcome<Digest>> {
  return ask(context, input, true);
}

async function ask(context: Context, input: FacilitatorInput, isDated: boolean): Promise<Outcome<Digest>> {
  const config = context.config();
  if (!config.ok) return config;
  const supported = await callFacilitator(context, input, { path: "/supported", answer: supportedResponseSchema });
  if (!supported.ok) return supported;
  const { clocks } = supported;
  if (isDated && clocks && areApart(clocks)) return fail("not_set_up", clockSkewText(clocks, "the facilitator"), { hint: CLOCK_HINT });
  const kind = supported.data.kinds.find(({ scheme, network }) => scheme === SCHEME && network === NETWORK);
  const ledger = digestSchema.safeParse(kind?.extra?.["ledger"]);
  if (!ledger.success) {
    return fail("unsupported", "This facilitator names no ledger of this network.", { hint: "Name another one with --facilitator-url." });
  }
  const { ledger: configured, file } = config.data;
  if (configured === undefined || configured === ledger.data) return succeed(ledger.data);
  return fail("unsupported", `This facilitator settles on another ledger than the one in "${file}".`, {
    hint: "Name the facilitator of that ledger with --facilitator-url, or change the configuration if the ledger was replaced.",
    details: { configured, ledger: ledger.data },
  });
}
