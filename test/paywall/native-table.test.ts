/** What the paywall does with a native payment, cell by cell: spec/native-merchant.md. */

import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentPayload, SettleResponse } from "../../shared/x402/x402.ts";
import { peekTransfer, type PeekedTransfer } from "../../shared/zone/peek.ts";
import type { DeliveryState } from "../../workers/merchant/paywall/types.ts";
import { createNativeWorld, NATIVE, NETWORK } from "./native-world.ts";
import { verdict } from "./world.ts";

const PAGE = readFileSync("spec/native-merchant.md", "utf8");
/** `| id | answer | after |` */
const CELLS = [...PAGE.matchAll(/^\| `((rpc|http)\/(\w+)\/([\w-]+))` \| (.*) \| (.*) \|$/gm)].map(
  ([, id = "", transport = "", remembered = "", answer = "", said = "", after = ""]) => ({
    id,
    transport,
    remembered,
    answer,
    said,
    after,
  }),
);
const URL_OF_FACILITATOR = "https://facilitator.example.com";

type World = ReturnType<typeof createNativeWorld>;

afterEach(() => vi.unstubAllGlobals());

test("the page has each pair of what is remembered and what is answered through a binding [native-merchant-table]", () => {
  const pairs = ["nothing", "pending", "paid", "served", "delivered"].flatMap((remembered) =>
    ["receipt", "pending", "lost", "used", "refused", "later"].map((answer) => `rpc/${remembered}/${answer}`),
  );
  expect(
    CELLS.filter(({ transport }) => transport === "rpc")
      .map(({ id }) => id)
      .toSorted(),
  ).toEqual(pairs.toSorted());
  expect(CELLS.filter(({ transport }) => transport === "http")).toHaveLength(16);
});

describe("a native payment", () => {
  test.each(CELLS)("$id", async ({ transport, remembered, answer, said, after }) => {
    const world = createNativeWorld();
    const handler = vi.fn((c) => c.text("goods"));
    const shop = world.shop(handler, NATIVE);
    const payment = await shop.signed();
    const transfer = transferOf(payment);
    await remember(world, transfer, remembered);
    const answered = answerOf(answer, transfer);
    if (transport === "rpc") world.rpc.settle = async () => answered() as never;
    else overHttp(world, answer, answered, transfer);

    const response = await shop.pay(payment);
    const ran = handler.mock.calls.length === 1 ? ", run" : "";
    const told = verdict(response).replace(/ (\w+)$/, " `$1`");
    await new Promise((resolve) => setTimeout(resolve));
    expect(`${told}${ran}`).toBe(said);
    expect(await recalled(world, transfer)).toBe(after === "as it was" ? remembered : after);
  });
});

function transferOf({ payload }: PaymentPayload): PeekedTransfer {
  const transfer = peekTransfer(payload["signedTx"]);
  if (!transfer) throw new Error("no transfer");
  return transfer;
}

function receiptFor({ payer, id }: PeekedTransfer): SettleResponse {
  return { success: true, payer, transaction: id, network: NETWORK, amount: NATIVE.amount };
}

async function remember({ memory }: World, transfer: PeekedTransfer, remembered: string): Promise<void> {
  const { h: key, payer } = transfer;
  const lease = randomDigest();
  const paid: DeliveryState = { state: "paid", receipt: receiptFor(transfer) };
  const later = unixNow() + 3600;
  if (remembered === "served") await memory.begin(key, lease, 60, paid);
  if (remembered === "paid") await memory.finish(key, lease, paid, later);
  if (remembered === "delivered") await memory.finish(key, lease, { state: "delivered" }, later);
  const reservation = { payer: payer as never, nonce: key, reservationId: lease };
  if (remembered === "pending") await memory.finish(key, lease, { state: "pending", reservation }, later);
}

async function recalled({ memory }: World, { h }: PeekedTransfer): Promise<string> {
  const found = await memory.resume(h, randomDigest(), -1);
  return found.granted ? (found.remembered?.state ?? "nothing") : "served";
}

/** @returns a function that throws where the answer is lost */
function answerOf(answer: string, transfer: PeekedTransfer): () => SettleResponse {
  const refused = (errorReason: string, transaction = "", extra = {}) => ({
    success: false,
    errorReason,
    payer: transfer.payer,
    transaction,
    network: NETWORK,
    extra,
  });
  return () => {
    switch (answer) {
      case "receipt":
        return receiptFor(transfer);
      case "pending":
        return refused("settlement_pending", transfer.id, { retryAfterSeconds: 9 });
      case "refused":
        return refused("transfer_reverted", transfer.id);
      case "later":
        return refused("payer_busy");
      case "lost":
        throw new Error("the answer is lost");
      default:
        return refused("nonce_replayed", "", { transaction: transfer.id });
    }
  };
}

function overHttp({ env, facilitator }: World, answer: string, answered: () => SettleResponse, { id }: PeekedTransfer): void {
  env["FACILITATOR_URL"] = URL_OF_FACILITATOR;
  const status = { "used-settled": { status: "settled", transaction: id }, "used-otherwise": { status: "expired", transaction: id } }[
    answer
  ];
  vi.stubGlobal("fetch", async (url: string) => {
    const { pathname } = new URL(url);
    if (pathname === "/supported") return Response.json(facilitator.supported());
    if (pathname === "/verify") {
      return Response.json(answer === "invalid" ? { isValid: false, invalidReason: "insufficient_funds" } : { isValid: true });
    }
    if (pathname === "/settle") return Response.json(answered());
    return status ? Response.json(status) : new Response("away", { status: 503 });
  });
}
