/** A chain in memory behind a sequencer's JSON-RPC, and a merchant that sells on it with a facilitator of its own, all on 127.0.0.1. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";
import { fromBase64 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { ERRORS, type ErrorCode, errorBody } from "../../shared/errors.ts";
import { MAX_AMOUNT } from "../../shared/limits.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
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
import { isGenuineNativeRevocation, type NativeCancel } from "../../shared/zone/revocation.ts";
import { decodeTransfer } from "../../shared/zone/transfer.ts";
import { type NativePayment, verifyNative } from "../../shared/zone/verify.ts";
import type { Chain } from "../../workers/lez-devnet/chain.ts";
import { readConfig } from "../../workers/lez-devnet/config.ts";
import { answerRpc } from "../../workers/lez-devnet/rpc.ts";
import { chainWith, keyOf, type TestKey } from "../../workers/lez-devnet/testing/devnet-chain.ts";
import { served } from "./served.ts";

export const NATIVE_CONTENT = "goods of the chain";

export interface NativeWorld {
  chain: Chain;
  /** Where the chain is read. */
  sequencer: string;
  /** What is sold, and where its facilitator is. */
  url: string;
  origin: string;
  seller: TestKey;
  /** How often a payment was presented. */
  presented: () => number;
  /** How often goods were given. */
  sold: () => number;
  behaviour: {
    /** More offers, put before its own. */
    accepts: PaymentRequirements[];
    extra: Record<string, unknown>;
    /** The facilitator keeps transfers and sends none. */
    holdsBack: boolean;
    /** The sequencer answers nothing, or knows of no transaction. */
    isSilent: boolean;
    forgets: boolean;
    /** Every transaction in the mempool is lost at the next block. */
    amount: string;
  };
  /** The next block. */
  mine: () => void;
}

/** Blocks come by themselves every `blockMillis`, or only by `mine`. Listens until the test file is over. */
export async function nativeWorld(rich: { account: string; lepta: bigint }[], blockMillis?: number): Promise<NativeWorld> {
  const seller = keyOf("seller");
  const supply = rich.map(({ account, lepta }) => [{ account } as TestKey, lepta] as const);
  const chain = chainWith(supply);
  const constants = readConfig({});
  const server = http.createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const mine = () => void chain.produce(Date.now());
  mine();
  const clock = blockMillis === undefined ? undefined : setInterval(mine, blockMillis);
  afterAll(() => {
    clearInterval(clock);
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  served(origin);
  const leased = new Map<Digest, NativePayment & { sent: boolean; cancelled: boolean }>();
  let [presented, sold] = [0, 0];
  const world: NativeWorld = {
    chain,
    sequencer: `${origin}/rpc`,
    url: `${origin}/premium`,
    origin,
    seller,
    presented: () => presented,
    sold: () => sold,
    behaviour: { accepts: [], extra: {}, holdsBack: false, isSilent: false, forgets: false, amount: "10000" },
    mine,
  };
  return world;

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = new URL(request.url ?? "/", origin);
    const json = (status: number, value: object) =>
      void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (path.pathname === "/rpc") {
      if (world.behaviour.isSilent) return void response.writeHead(502).end();
      const said = answerRpc(
        body,
        {
          head: chain.head,
          market: chain.market,
          block: (id) => chain.block(id),
          transaction: (id) => (world.behaviour.forgets ? undefined : chain.transaction(id)),
          account: (id) => chain.account(id),
          send: (wire) => chain.send(wire),
        },
        constants,
      );
      return void response.writeHead(200, { "content-type": "application/json" }).end(said);
    }
    if (path.pathname === "/health") return json(200, { ledger: "ab".repeat(32) }); // of the mock, whose facilitator it is, too
    if (path.pathname === "/native/cancel") return cancel(JSON.parse(body.toString()) as NativeCancel, json);
    if (path.pathname.startsWith("/settlements/")) {
      const [, , network, payer, nonce] = path.pathname.split("/");
      const payment = leased.get((path.searchParams.get("h") ?? "") as Digest);
      const mined = payment && chain.transaction(payment.transaction);
      const status = payment === undefined ? "unused" : payment.cancelled ? "cancelled" : mined ? "settled" : "reserved";
      return json(200, {
        network: decodeURIComponent(network ?? ""),
        ledger: chain.genesis,
        payer,
        nonce,
        status,
        ...(status === "settled" && { transaction: payment?.transaction }),
      });
    }
    sell(request, response);
  }

  function cancel(
    { paymentPayload, paymentRequirements, revocation, signature }: NativeCancel,
    json: (status: number, value: object) => void,
  ): void {
    const verified = verifyNative(paymentPayload, paymentRequirements, context());
    const wire = decodeTransfer(fromBase64((paymentPayload as { payload: { signedTx: string } }).payload.signedTx) ?? new Uint8Array());
    if (!verified.ok || !wire.ok) return json(402, errorBody("invalid_payload"));
    if (!isGenuineNativeRevocation({ revocation, signature }, wire.transfer.publicKey)) return json(402, errorBody("invalid_signature"));
    const known = leased.get(verified.payment.h);
    if (known?.sent) return json(409, errorBody("settlement_pending"));
    leased.set(verified.payment.h, { ...verified.payment, sent: false, cancelled: true });
    json(200, { success: true, network: "lez:devnet", payer: verified.payment.payer, nonce: verified.payment.nonce.toString() });
  }

  function context() {
    return { now: unixNow(), network: "lez:devnet" as const, ledger: chain.genesis, maxFee: MAX_AMOUNT, finalities: ["head" as const] };
  }

  function sell(request: http.IncomingMessage, response: http.ServerResponse): void {
    const { behaviour } = world;
    const url = `${origin}${request.url}`;
    const terms = { network: "lez:devnet", asset: "native", amount: behaviour.amount, payTo: seller.account as string };
    const offer: PaymentRequirements = {
      scheme: "exact",
      ...terms,
      maxTimeoutSeconds: 900,
      extra: {
        assetTransferMethod: "transaction",
        paymentFlow: "upfront",
        ledger: chain.genesis,
        dialect: "v0.3",
        maxFee: "100000",
        finality: "head",
        statement: "required",
        binding: bindingOf({ method: request.method ?? "GET", url }, terms),
        ...behaviour.extra,
      },
    };
    const refuse = (code: ErrorCode, transaction = "") => {
      const required = { x402Version: 2, error: code, resource: { url }, accepts: [...behaviour.accepts, offer] };
      const receipt = { success: false, errorReason: code, transaction, network: "lez:devnet" };
      response.writeHead(ERRORS[code].status, {
        "content-type": "application/json",
        [PAYMENT_REQUIRED]: encodeHeader(required),
        [PAYMENT_ERROR]: code,
        ...(transaction !== "" && { [PAYMENT_RESPONSE]: encodeHeader(receipt), "retry-after": "1" }),
      });
      response.end(JSON.stringify({ ...required, ...errorBody(code) }));
    };
    const header = request.headers[PAYMENT_SIGNATURE.toLowerCase()];
    if (typeof header !== "string") return refuse("payment_required");
    presented++;
    const payload = decodeHeader(header, paymentPayloadSchema);
    if (!payload.ok) return refuse(payload.code);
    const verified = verifyNative(payload.value, offer, { ...context(), expiryIsTheLanes: true });
    if (!verified.ok) return refuse(verified.code);
    const { payment } = verified;
    const known = leased.get(payment.h);
    if (known?.cancelled) return refuse("payment_revoked");
    if (chain.transaction(payment.transaction)) {
      sold++;
      const receipt = {
        success: true,
        transaction: payment.transaction,
        network: "lez:devnet",
        payer: payment.payer,
        amount: offer.amount,
      };
      return void response.writeHead(200, { "content-type": "text/plain", [PAYMENT_RESPONSE]: encodeHeader(receipt) }).end(NATIVE_CONTENT);
    }
    if (!known) {
      leased.set(payment.h, { ...payment, sent: !behaviour.holdsBack, cancelled: false });
      if (!behaviour.holdsBack) chain.send(fromBase64(payment.wire) ?? new Uint8Array());
    }
    refuse("settlement_pending", payment.transaction);
  }
}
