/** A merchant on 127.0.0.1 that sells by session: one lane at a time, kept in memory, and lies when told to. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";
import { verifyDeposit } from "../../shared/batch-settlement/deposit.ts";
import { Lane, type LaneVoucher } from "../../shared/batch-settlement/lane.ts";
import { type BatchPayload, batchPayloadSchema } from "../../shared/batch-settlement/payload.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { type ErrorCode, ERRORS } from "../../shared/errors.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK, SCHEME } from "../../shared/lez.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import { compareOffer } from "../../shared/protocol/offer.ts";
import { type Session, sessionId } from "../../shared/protocol/session.ts";
import { isGenuineVoucher, type SignedVoucher } from "../../shared/protocol/voucher.ts";
import { unixNow } from "../../shared/time.ts";
import {
  decodeHeader,
  encodeHeader,
  PAYMENT_ERROR,
  PAYMENT_REQUIRED,
  PAYMENT_RESPONSE,
  PAYMENT_SIGNATURE,
} from "../../shared/x402/headers.ts";
import { paymentPayloadSchema, type PaymentRequirements } from "../../shared/x402/x402.ts";
import { receiver } from "../../test/fixtures.ts";
import { LEDGER } from "./merchant.ts";
import { served } from "./served.ts";

type Held = LaneVoucher & { signed: SignedVoucher };

interface Opened {
  session: Session;
  /** The lane that its next voucher is for. */
  current: string;
  lanes: Map<string, Lane<Held>>;
}

export interface SessionShop {
  origin: string;
  url: string;
  amount: string;
  /** What a call is charged; absent: all of its amount. */
  charge: string | undefined;
  /** Sells a stream that is charged while it flows: what follows the goods. */
  metered: ((receipt: object) => string) | undefined;
  sessions: Map<string, Opened>;
  /** Payloads that arrived, in order. */
  presented: BatchPayload[];
  /** Handler runs. */
  served: number;
  /** Refuses the next payments with these codes, before it looks at them. */
  refusals: ErrorCode[];
  /** Changes what it says beside a receipt. */
  receipt: (extra: Record<string, unknown>) => Record<string, unknown>;
  /** Changes what it says in a corrective 402. */
  correction: (extra: Record<string, unknown>) => Record<string, unknown>;
  /** Serves, and closes the connection instead of answering. */
  loseAnswer: boolean;
  /** Requests wait here before they are served. */
  gate: Promise<void> | undefined;
  /** Every request reaches another isolate, with a lane of its own. */
  wanders: boolean;
  /** Its object started anew: it takes no serial of lane 0 up to this one. */
  ceiling: number;
  /** Every lane is gone: the next voucher is for another one. */
  forgetLanes(): void;
  reset(): void;
}

/** Listens until the test file is over. */
export async function startSessionShop(): Promise<SessionShop> {
  const server = http.createServer((request, response) => void answer(shop, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  served(origin);
  const same = (extra: Record<string, unknown>) => extra;
  const shop: SessionShop = {
    origin,
    url: `${origin}/quote`,
    amount: "10",
    charge: undefined,
    metered: undefined,
    sessions: new Map(),
    presented: [],
    served: 0,
    refusals: [],
    receipt: same,
    correction: same,
    loseAnswer: false,
    gate: undefined,
    wanders: false,
    ceiling: 0,
    forgetLanes: () => {
      for (const opened of shop.sessions.values()) {
        opened.current = laneName();
        opened.lanes.clear();
      }
    },
    reset: () =>
      Object.assign(shop, {
        amount: "10",
        charge: undefined,
        metered: undefined,
        presented: [],
        served: 0,
        refusals: [],
        receipt: same,
        correction: same,
        loseAnswer: false,
        gate: undefined,
        wanders: false,
        ceiling: 0,
      }),
  };
  return shop;
}

let names = 0;
const laneName = () => (++names).toString(16).padStart(32, "0");

async function answer(shop: SessionShop, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const offer = offerFor(shop, request, Buffer.concat(chunks));
  const header = request.headers[PAYMENT_SIGNATURE.toLowerCase()];
  if (typeof header !== "string") return refuse(shop, request, response, offer, "payment_required");
  const payload = decodeHeader(header, paymentPayloadSchema);
  if (!payload.ok) return refuse(shop, request, response, offer, payload.code);
  const batch = batchPayloadSchema.safeParse(payload.value.payload);
  if (!batch.success) return refuse(shop, request, response, offer, "invalid_payload");
  shop.presented.push(batch.data);
  const next = shop.refusals.shift();
  if (next) return refuse(shop, request, response, offer, next);
  const differs = compareOffer(payload.value.accepted, offer);
  if (differs) return refuse(shop, request, response, offer, differs);
  if (batch.data.type === "refund") return void response.writeHead(200).end("{}");
  if (batch.data.type === "deposit") {
    const verified = await verifyDeposit(payload.value, offer, { now: unixNow(), ledger: LEDGER });
    if (!verified.ok) return refuse(shop, request, response, offer, verified.code);
    open(shop, batch.data.channelConfig);
  }
  if (batch.data.type !== "deposit" && batch.data.type !== "voucher") return refuse(shop, request, response, offer, "invalid_payload");
  const { voucher, voucherSignature } = batch.data;
  const opened = shop.sessions.get(voucher.session);
  if (!opened) return refuse(shop, request, response, offer, "session_unknown");
  if (!(await isGenuineVoucher({ voucher, voucherSignature }, opened.session.signer)) || voucher.binding !== offer.extra?.["binding"])
    return refuse(shop, request, response, offer, "invalid_signature");
  if (shop.wanders) opened.current = laneName();
  if (shop.wanders && voucher.lane !== "0") return outOfStep(shop, request, response, offer, opened);
  if (voucher.lane === "0" && Number(voucher.serial) <= shop.ceiling) {
    opened.current = "0";
    return outOfStep(shop, request, response, offer, opened, shop.ceiling);
  }
  const lane = opened.lanes.get(voucher.lane) ?? (voucher.lane === opened.current ? new Lane<Held>() : undefined);
  if (!lane) return outOfStep(shop, request, response, offer, opened);
  opened.lanes.set(voucher.lane, lane);
  const held = {
    serial: Number(voucher.serial),
    maxClaimable: BigInt(voucher.maxClaimableAmount),
    signed: { voucher, voucherSignature },
  };
  const accepted = lane.accept(held, BigInt(offer.amount), BigInt(opened.session.deposit));
  if (!accepted.ok && accepted.code === "voucher_used")
    return give(shop, response, opened, held.signed, accepted.charged.toString(), "voucher_used");
  if (!accepted.ok && accepted.code === "voucher_out_of_step") return outOfStep(shop, request, response, offer, opened);
  if (!accepted.ok) return refuse(shop, request, response, offer, accepted.code);
  await shop.gate;
  shop.served++;
  const charge = shop.charge ?? offer.amount;
  lane.complete(accepted.call, BigInt(charge));
  opened.current = voucher.lane === "0" ? (opened.lanes.size === 1 ? laneName() : opened.current) : voucher.lane;
  if (shop.loseAnswer) return void response.destroy();
  return give(shop, response, opened, held.signed, charge);
}

function open(shop: SessionShop, session: Session): void {
  const id = sessionId(session);
  if (!shop.sessions.has(id)) shop.sessions.set(id, { session, current: "0", lanes: new Map() });
}

function give(
  shop: SessionShop,
  response: http.ServerResponse,
  opened: Opened,
  { voucher }: SignedVoucher,
  charged: string,
  error?: ErrorCode,
): void {
  const { session, lane, serial } = voucher;
  const extra = shop.receipt({
    commitmentId: `${session}:${lane}:${serial}`,
    chargedAmount: charged,
    lane: { id: opened.current, limit: "160" },
    channelState: stateOf(opened),
  });
  const receipt = { success: true, transaction: "", network: NETWORK, payer: opened.session.from, amount: "", extra };
  if (shop.metered && !error) {
    const begun = { ...receipt, extra: { ...receipt.extra, chargedAmount: "0", metered: true } };
    response.writeHead(200, { "content-type": "text/event-stream", [PAYMENT_RESPONSE]: encodeHeader(begun) });
    response.end(`data: call ${shop.served}\n\n${shop.metered(receipt)}`);
    return;
  }
  response.writeHead(error ? ERRORS[error].status : 200, {
    "content-type": "text/plain",
    [PAYMENT_RESPONSE]: encodeHeader(receipt),
    ...(error && { [PAYMENT_ERROR]: error }),
  });
  response.end(error ? "" : `call ${shop.served}`);
}

function stateOf({ session, lanes }: Opened) {
  const charged = [...lanes.values()].reduce((sum, { spent }) => sum + spent, 0n);
  return {
    channelId: sessionId(session),
    balance: session.deposit,
    totalClaimed: "0",
    withdrawRequestedAt: 0,
    chargedCumulativeAmount: charged.toString(),
  };
}

function outOfStep(
  shop: SessionShop,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  offer: PaymentRequirements,
  opened: Opened,
  afterSerial?: number,
): void {
  const lane = opened.lanes.get(opened.current);
  const best = lane?.best?.signed;
  const voucherState = best && {
    lane: best.voucher.lane,
    serial: best.voucher.serial,
    signedMaxClaimable: best.voucher.maxClaimableAmount,
    ...(best.voucher.binding && { binding: best.voucher.binding }),
    signature: best.voucherSignature,
    charged: lane?.spent.toString(),
  };
  const extra = shop.correction({
    channelState: stateOf(opened),
    ...(voucherState && { voucherState }),
    lane: { id: opened.current, limit: "160", afterSerial },
  });
  refuse(shop, request, response, { ...offer, extra: { ...offer.extra, ...extra } }, "voucher_out_of_step");
}

function offerFor({ origin, amount, metered }: SessionShop, request: http.IncomingMessage, body: Buffer): PaymentRequirements {
  const terms = { network: NETWORK, asset: ASSET, amount: amount as Amount, payTo: DEMO_MERCHANT_ACCOUNT };
  const bound = {
    method: request.method ?? "GET",
    url: `${origin}${request.url}`,
    ...(body.length > 0 && { bodySha256: bodyDigest(body) }),
  };
  const extra = {
    binding: bindingOf(bound, terms),
    ledger: LEDGER,
    receiverAuthorizer: receiver.publicKey,
    withdrawDelay: 900,
    minDeposit: "100",
    maxSessionSeconds: 86_400,
    ...(metered && { metered: true, unit: "token", unitPrice: "2" }),
  };
  return { scheme: BATCH_SETTLEMENT, ...terms, maxTimeoutSeconds: 900, extra };
}

function refuse(
  { origin }: SessionShop,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  offer: PaymentRequirements,
  code: ErrorCode,
): void {
  const { binding, ledger } = offer.extra ?? {};
  const exact = { ...offer, scheme: SCHEME, extra: { binding, ledger } };
  const required = { x402Version: 2, error: code, resource: { url: `${origin}${request.url}` }, accepts: [exact, offer], extensions: {} };
  response.writeHead(ERRORS[code].status, { [PAYMENT_REQUIRED]: encodeHeader(required), [PAYMENT_ERROR]: code }).end("{}");
}
