/** Runs the handler of a call that is charged while its answer flows, and sends its receipt as the last event. spec/sessions.md §4. */

import {
  isEventStream,
  PAYMENT_ERROR_EVENT,
  PAYMENT_RECEIPT_EVENT,
  paymentEvent,
} from "../../../../shared/batch-settlement/payment-events.ts";
import type { VoucherReceiptExtra } from "../../../../shared/batch-settlement/state.ts";
import { concatBytes } from "../../../../shared/crypto/bytes.ts";
import { type ErrorCode, errorBody } from "../../../../shared/errors.ts";
import { signedReceipt } from "../../../../shared/extensions/offer-receipt.ts";
import { MAX_STREAM_SECONDS } from "../../../../shared/limits.ts";
import { logEvent } from "../../../../shared/log.ts";
import type { AccountId } from "../../../../shared/protocol/account.ts";
import type { Usage } from "../../../../shared/protocol/usage.ts";
import type { SignedVoucher } from "../../../../shared/protocol/voucher.ts";
import { unixNow } from "../../../../shared/time.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../../../shared/x402/headers.ts";
import type { SettleResponse } from "../../../../shared/x402/x402.ts";
import { writableHeaders } from "../caching.ts";
import { refuseRequest } from "../responses.ts";
import { logSellerFault } from "../seller-function.ts";
import { runMetered } from "../serve/run-metered.ts";
import type { Charged, PaidRequest, ServeResult } from "../types.ts";
import type { MeteredAccount } from "./metered-account.ts";
import { meteredBody } from "./metered-body.ts";
import { RunningMeter } from "./running-meter.ts";

/** @param receiptFor by what was charged until then */
export async function runStream(
  request: PaidRequest,
  payer: AccountId,
  { voucher: { session, lane, serial } }: SignedVoucher,
  account: MeteredAccount,
  receiptFor: (charged: Charged) => SettleResponse,
): Promise<ServeResult> {
  const { c, presented } = request;
  const abort = new AbortController();
  const meter = new RunningMeter(presented.offer, {
    onCharge: (part) => account.charge(part),
    onFault: ({ code, error }) => {
      logSellerFault(c, "charge", error);
      stop(code);
    },
  });
  let stop: (code: ErrorCode) => void = () => undefined;
  const kept = { meter, release: () => account.fail(), onWait: () => account.keep(), abort };
  const run = await runMetered(request, { id: `${session}:${lane}:${serial}`, payer }, kept);
  if ("answered" in run) return run;
  // Middleware in front may have answered meanwhile, such as one with a timeout.
  if (c.error) {
    account.fail();
    return refuseRequest({ code: "internal_error" });
  }
  // What was charged since is accounted for already.
  const before = BigInt(run.charged?.amount ?? 0);
  if (before > 0n) account.charge(before);
  const { body, headers } = c.res;
  if (!body || !isEventStream(headers.get("Content-Type"))) {
    const charged = meter.end();
    account.end(BigInt(charged.amount));
    writableHeaders(c).set(PAYMENT_RESPONSE, encodeHeader(receiptFor(charged)));
    return { answered: true, delivered: true, charged: charged.amount };
  }
  account.keep();
  const timer = setTimeout(() => stop("handler_timeout"), MAX_STREAM_SECONDS * 1000);
  const metered = meteredBody(body as ReadableStream<Uint8Array>, {
    over: () => {
      clearTimeout(timer);
      const { amount } = meter.end();
      abort.abort();
      account.end(BigInt(amount));
    },
    last: async (code) => {
      log(request, meter.charged, { code });
      const receipt = await signed(request, receiptFor(meter.charged));
      const error = code ? [paymentEvent(PAYMENT_ERROR_EVENT, errorBody(code))] : [];
      return concatBytes([...error, paymentEvent(PAYMENT_RECEIPT_EVENT, receipt)]);
    },
    gone: () => log(request, meter.charged, { gone: true }),
  });
  stop = metered.stop;
  if (meter.fault) stop(meter.fault.code);
  const begun = receiptFor(meter.charged);
  const response = new Response(metered.body, c.res);
  response.headers.delete("Content-Length");
  response.headers.set(PAYMENT_RESPONSE, encodeHeader({ ...begun, extra: { ...begun.extra, metered: true } }));
  c.res = undefined; // otherwise Hono merges the headers in
  c.res = response;
  return { answered: true, delivered: true, flows: true };
}

/** By the merchant's key, so that charge and usage are evidence. */
async function signed({ signer, challenge }: PaidRequest, receipt: SettleResponse): Promise<SettleResponse> {
  if (!signer) return receipt;
  const { network, payer: claimed } = receipt;
  const payer = claimed ?? "";
  const { commitmentId: transaction, chargedAmount: amount, usage } = receipt.extra as VoucherReceiptExtra & { usage?: Usage };
  const resourceUrl = challenge.required.resource.url;
  const payload = { version: 1, network, resourceUrl, payer, issuedAt: unixNow(), transaction, amount, ...(usage && { usage }) } as const;
  return { ...receipt, extensions: signedReceipt(await signer.sign(payload)) };
}

/** In place of the line when the answer begins: what it comes to is known now. */
function log({ c, presented }: PaidRequest, { amount }: Charged, ended: { code?: ErrorCode | undefined; gone?: true }): void {
  const { id: transaction } = c.get("payment");
  const { status } = c.res;
  logEvent("payment.delivered", { traceId: presented.traceId, path: c.req.path, status, transaction, amount, streamed: true, ...ended });
}
