/** Running the handler for money that has moved already. */
import type { Digest } from "../../../shared/crypto/digest.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../shared/x402/headers.ts";
import { HOLD_MARGIN_SECONDS, HOLD_SECONDS } from "../../../shared/limits.ts";
import { logEvent } from "../../../shared/log.ts";
import type { SettleResponse } from "../../../shared/x402/x402.ts";
import { ask } from "./facilitator.ts";
import type { Keeping } from "./identified.ts";
import { memoryKey } from "./order.ts";
import { deliver, refuse } from "./outcome.ts";
import { outlive, runHandler } from "./run.ts";
import { remember, type Sale, type SaleResult } from "./sale.ts";

/**
 * What the handler does not deliver is remembered as owed: the same payment may ask for it again.
 * @param lease under which what is owed is remembered
 * @param leased whether that lease is open in the merchant's memory, and must end
 * @param keeping the buyer's id, where the payment has one
 */
export async function runPaid(sale: Sale, receipt: SettleResponse, lease: Digest, leased: boolean, keeping?: Keeping): Promise<SaleResult> {
  const { c } = sale;
  const owed = { state: "paid", receipt } as const;
  const owe = () => remember(sale, lease, owed);
  let begun: Promise<unknown> | undefined;
  const run = await runHandler(sale, { id: receipt.transaction, payer: receipt.payer ?? "" }, () => {
    // It takes its time. From here on copies wait as long as it may take, and whatever becomes of this Worker, the goods are owed; an id's
    // claim says so already, where no other memory of it is open.
    if (leased || !keeping) begun = ask(sale.memory().begin(memoryKey(sale.order), lease, HOLD_SECONDS, owed));
  });
  await begun;
  if (run.outcome === "delivered") {
    try {
      if ((await keeping?.keep()) === false) return refuse({ code: "payment_in_progress" });
    } catch (error) {
      await owe();
      logEvent("payment.answer_broke_off", { traceId: sale.order.traceId, message: String(error) });
      return refuse({ code: "internal_error", receipt });
    }
    return deliver(sale, receipt, leased || begun ? lease : undefined, keeping);
  }
  if (run.outcome === "late") {
    // It may never be over, and this Worker not live to see it: the goods are owed now, and copies wait for as long as it had a lease.
    await ask(sale.memory().begin(memoryKey(sale.order), lease, HOLD_MARGIN_SECONDS, owed));
    outlive(c, run.over.then(owe));
    return refuse({ code: "handler_timeout", receipt });
  }
  await owe();
  if (run.outcome === "threw") throw run.error;
  if (run.outcome === "spent") return refuse({ code: "internal_error", receipt });
  c.header(PAYMENT_RESPONSE, encodeHeader(receipt));
  c.header("Cache-Control", "private, no-store"); // many a failure may be cached, and this one has its buyer's receipt
  return { answered: true, delivered: false };
}
