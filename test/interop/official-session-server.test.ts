/** `@x402/hono` with our scheme: a merchant on the official server that sells by session, over real HTTP. spec/interop.md. */

import { x402Client } from "@x402/core/client";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { wrapFetchWithPayment } from "@x402/fetch";
import { paymentMiddleware, setSettlementOverrides, x402ResourceServer } from "@x402/hono";
import { Hono } from "hono";
import { describe, expect, test } from "vitest";
import { REASON, receiptOf } from "../../agent-cli/demo/buyer.ts";
import { mandateSessionFetch, registerBatchSettlementLezScheme as registerClient } from "../../shared/batch-settlement/client/index.ts";
import {
  type BatchSettlementServerConfig,
  MemorySessionStore,
  registerBatchSettlementLezScheme as registerServer,
} from "../../shared/batch-settlement/server/index.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK } from "../../shared/lez.ts";
import { type Mandate, mandateDigest } from "../../shared/protocol/mandate.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { signVoucher, type Voucher } from "../../shared/protocol/voucher.ts";
import { signWithdrawal } from "../../shared/protocol/withdrawal.ts";
import { unixNow } from "../../shared/time.ts";
import { decodeHeader, encodeHeader, PAYMENT_REQUIRED, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { paymentPayloadSchema, paymentRequiredSchema } from "../../shared/x402/x402.ts";
import { newMandate, newPayer, randomId } from "../signed.ts";
import { useStack } from "../stack/stack.ts";
import { listen } from "./official.ts";

const world = useStack();
const PRICE = "10";

/** A shop on the official server, in a process of its own as far as anyone can tell. `/item` runs `handle`. */
async function shop(config: Partial<BatchSettlementServerConfig> = {}, payee?: WalletSigner) {
  const owner = payee ?? (await newPayer());
  let app = new Hono();
  const origin = await listen((request) => app.fetch(request));
  const facilitator = new HTTPFacilitatorClient({ url: world.stack.facilitator });
  const server = new x402ResourceServer(facilitator);
  const sessions = registerServer(server, { origin: config.origin ?? origin, facilitator, ...config });
  const price = { asset: ASSET, amount: PRICE };
  const accepts = { scheme: BATCH_SETTLEMENT, network: NETWORK, payTo: owner.account, price, maxTimeoutSeconds: 300 } as const;
  const shop = { runs: 0, handle: async (): Promise<string | undefined> => undefined as string | undefined };
  app = new Hono();
  app.use(paymentMiddleware({ "GET /item": { accepts } }, server));
  app.get("/item", async (c) => {
    shop.runs++;
    const charge = await shop.handle();
    if (charge === "fails") return c.text("broken", 500);
    if (charge !== undefined) setSettlementOverrides(c, { amount: charge });
    return c.text("goods");
  });
  return Object.assign(shop, { url: `${origin}/item`, origin, sessions, owner });
}

interface Sent {
  type: string;
  channelConfig?: object;
  voucher: { session: string; lane: string; serial: string; maxClaimableAmount: string };
}

/** The official client with our scheme, with money, and what it sent. */
async function buyer({ origin, owner }: { origin: string; owner: WalletSigner }, keys?: { payer: WalletSigner; agentKey: WalletSigner }) {
  const payer = keys?.payer ?? (await newPayer());
  const agentKey = keys?.agentKey ?? (await keySigner(generateSecretKey()));
  if (!keys)
    await fetch(`${world.stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account: payer.account, id: randomId() }) });
  const headers: string[] = [];
  const recording: typeof fetch = (input, init) => {
    const header = input instanceof Request && input.headers.get(PAYMENT_SIGNATURE);
    if (header) headers.push(header);
    return fetch(input, init);
  };
  const session = { origin, payTo: owner.account, deposit: "1000", seconds: 3600, open: 2 };
  const client = registerClient(new x402Client(), { signer: payer, agentKey, session });
  const sent = () => headers.map((header) => read(header).payload as unknown as Sent);
  return { fetch: wrapFetchWithPayment(recording, client), headers, sent, payer, agentKey };
}

function read(header: string) {
  const payment = decodeHeader(header, paymentPayloadSchema);
  if (!payment.ok) throw new Error(payment.problem);
  return payment.value;
}

const present = (url: string, header = "") => fetch(url, { headers: { [PAYMENT_SIGNATURE]: header } });
const accountOf = async ({ account }: WalletSigner) => {
  const { balance, held } = (await (await fetch(`${world.stack.facilitator}/accounts/${account}`)).json()) as Record<string, string>;
  return { balance, held };
};
const decodedOffer = async (url: string) => {
  const terms = decodeHeader((await fetch(url)).headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
  return terms.ok ? terms.value.accepts[0] : undefined;
};
const charged = (response: Response) => (receiptOf(response)?.["extra"] as { chargedAmount?: string } | undefined)?.chargedAmount;
async function refusal(response: Response): Promise<string | null | undefined> {
  expect(response.status).toBe(402);
  const required = decodeHeader(response.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
  return required.ok ? required.value.error : required.problem;
}

describe("a shop on the official server", () => {
  test("is paid by one deposit and then by vouchers, what each costs, and claims it all at once [interop-session-server]", async () => {
    const merchant = await shop();
    const { fetch, sent } = await buyer(merchant);
    for (const charge of [undefined, "3", "50%", undefined]) {
      merchant.handle = async () => charge;
      const response = await fetch(merchant.url);
      expect([response.status, charged(response)]).toEqual([200, charge === "50%" ? "5" : (charge ?? PRICE)]);
    }
    expect(sent().map(({ type }) => type)).toEqual(["deposit", "voucher", "voucher", "voucher"]);
    expect(sent().map(({ voucher }) => voucher.maxClaimableAmount)).toEqual(["10", "20", "23", "28"]);
    expect(await merchant.sessions.claimAll()).toMatchObject([{ ok: true, amount: "28", ended: false }]);
    expect(await merchant.sessions.claimAll()).toEqual([]);
    expect(await accountOf(merchant.owner)).toEqual({ balance: "28", held: "0" });
  });

  test("runs its handler once for a voucher, however often it comes [interop-session-server-replay]", async () => {
    const merchant = await shop();
    const { fetch, headers } = await buyer(merchant);
    const { promise: hold, resolve: release } = Promise.withResolvers<undefined>();
    merchant.handle = () => hold;
    const first = fetch(merchant.url);
    await expect.poll(() => merchant.runs).toBe(1);
    expect(await refusal(await present(merchant.url, headers[0]))).toBe("payment_in_progress");
    release(undefined);
    expect((await first).status).toBe(200);
    expect(await refusal(await present(merchant.url, headers[0]))).toBe("voucher_used");
    expect(merchant.runs).toBe(1);
  });

  test("charges nothing for a handler that failed, and takes the same voucher again [interop-session-server-failing]", async () => {
    const merchant = await shop();
    const { fetch, headers } = await buyer(merchant);
    merchant.handle = async () => "fails";
    expect((await fetch(merchant.url)).status).toBe(500);
    expect(await merchant.sessions.claimAll()).toEqual([]);
    merchant.handle = async () => undefined;
    const again = await present(merchant.url, headers[0]);
    expect([again.status, charged(again)]).toEqual([200, PRICE]);
  });

  test("charges no more than the price, whatever the handler sets [interop-session-server-beyond]", async () => {
    const merchant = await shop();
    const { fetch } = await buyer(merchant);
    merchant.handle = async () => "11";
    expect((await fetch(merchant.url)).status).toBe(402);
    expect(await merchant.sessions.claimAll()).toEqual([]);
  });

  test("serves requests at once, each by a voucher of its own [interop-session-server-parallel]", async () => {
    const merchant = await shop();
    const { fetch, sent } = await buyer(merchant);
    const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(merchant.url)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(new Set(sent().map(({ voucher }) => voucher.session)).size).toBe(1);
    expect(await merchant.sessions.claimAll()).toMatchObject([{ ok: true, amount: "80" }]);
  });

  test("tells a client that lost its memory where the lane stands [interop-session-server-corrected]", async () => {
    const merchant = await shop();
    const first = await buyer(merchant);
    for (let call = 0; call < 3; call++) await first.fetch(merchant.url);
    const { voucher: _, ...used } = read(first.headers[2] ?? "").payload as { voucher: object };
    // The agent's key signs again what it signed before: serial 1, for less than the lane has come to.
    const voucher = { ...first.sent()[0]?.voucher, serial: "4", maxClaimableAmount: "10" } as Voucher;
    const payload = { ...used, ...(await signVoucher(voucher, first.agentKey)) };
    const answer = await present(merchant.url, encodeHeader({ ...read(first.headers[2] ?? ""), payload }));
    const required = decodeHeader(answer.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
    expect(required).toMatchObject({
      value: {
        error: "voucher_out_of_step",
        accepts: [{ extra: { lane: { id: "0", afterSerial: 3 }, voucherState: { serial: "3", signedMaxClaimable: "30", charged: "30" } } }],
      },
    });
    const forged = { ...payload, voucherSignature: "0".repeat(128) };
    const untold = await present(merchant.url, encodeHeader({ ...read(first.headers[2] ?? ""), payload: forged }));
    const untoldTerms = decodeHeader(untold.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
    expect(untoldTerms).toMatchObject({ value: { error: "invalid_signature" } });
    expect(JSON.stringify(untoldTerms)).not.toContain("voucherState");
  });

  test("is worth nothing to another process that has no part in its memory [interop-session-server-other-process]", async () => {
    const merchant = await shop();
    const { fetch, headers } = await buyer(merchant);
    await fetch(merchant.url);
    const other = await shop({ origin: merchant.origin }, merchant.owner);
    const { accepted } = read(headers[0] ?? "");
    const terms = (await decodedOffer(other.url)) as { extra: object };
    // Also when it is presented with the other's terms.
    const payment = { ...read(headers[0] ?? ""), accepted: { ...accepted, extra: terms.extra } };
    expect(await refusal(await present(other.url, encodeHeader(payment)))).toBe("offer_mismatch");
    expect(other.runs).toBe(0);
  });

  test("of several processes runs one handler for a voucher, if they share a store [interop-session-server-shared]", async () => {
    const durable = { store: new MemorySessionStore(), receiver: await keySigner(generateSecretKey()) };
    const one = await shop({ durable });
    const other = await shop({ durable, origin: one.origin }, one.owner);
    const { fetch, headers } = await buyer(one);
    await fetch(one.url);
    expect(await refusal(await present(other.url, headers[0]))).toBe("voucher_used");
    await fetch(one.url);
    expect(await refusal(await present(other.url, headers[1]))).toBe("voucher_used");
    expect([one.runs, other.runs]).toEqual([2, 0]);
    // The other one claims what this one has served.
    expect(await other.sessions.claimAll()).toMatchObject([{ ok: true, amount: "20" }]);
    expect(await one.sessions.claimAll()).toEqual([]);
  });

  test("takes what it is owed and gives the rest back when the client ends the session [interop-session-server-close]", async () => {
    const merchant = await shop();
    const { fetch, headers, agentKey, payer } = await buyer(merchant);
    await fetch(merchant.url);
    expect(await accountOf(payer)).toMatchObject({ held: "1000" });
    const { accepted } = read(headers[0] ?? "");
    const { session } = read(headers[0] ?? "").payload["voucher"] as { session: Digest };
    const ledger = world.stack.ledger as Digest;
    const withdrawal = { version: "1", ledger, session, from: payer.account, requestedAt: String(unixNow()) } as const;
    const payload = { type: "refund", ...(await signWithdrawal(withdrawal, agentKey)) };
    const answer = await present(merchant.url, encodeHeader({ x402Version: 2, accepted, payload }));
    expect(answer.status).toBe(200);
    expect(receiptOf(answer)).toMatchObject({ success: true, amount: PRICE, extra: { status: "closed" } });
    expect([await accountOf(payer), await accountOf(merchant.owner)]).toMatchObject([{ held: "0" }, { balance: PRICE }]);
    expect(await refusal(await present(merchant.url, headers[0]))).toBe("session_closed");
    expect(merchant.runs).toBe(1);
  });
});

describe("a client within a mandate", () => {
  async function within(merchant: Awaited<ReturnType<typeof shop>>, changes: Partial<Mandate> = {}, seen: typeof fetch = fetch) {
    const payer = await newPayer();
    const agentKey = await keySigner(generateSecretKey());
    await fetch(`${world.stack.facilitator}/faucet`, { method: "POST", body: JSON.stringify({ account: payer.account, id: randomId() }) });
    const limits = {
      schemes: [BATCH_SETTLEMENT],
      payees: [merchant.owner.account],
      origins: [merchant.origin],
      session: { deposit: "100", seconds: "3600", withdrawDelay: "900", open: "1" },
      ...changes,
    } as Partial<Mandate>;
    const mandate = await newMandate(payer, agentKey, world.stack.ledger as Digest, limits);
    const client = new x402Client();
    const session = { deposit: "100", seconds: 1800 };
    const paying = mandateSessionFetch(seen, { client, agentKey, mandate, reason: REASON, session });
    return { payer, mandate, pay: wrapFetchWithPayment(paying, client) };
  }

  test("opens one session and pays by vouchers, which the ledger counts to the mandate [interop-session-mandate]", async () => {
    const merchant = await shop();
    const { pay, payer, mandate } = await within(merchant);
    for (let call = 0; call < 3; call++) expect((await pay(merchant.url)).status).toBe(200);
    expect(await accountOf(payer)).toMatchObject({ held: "100" });
    await merchant.sessions.claimAll();
    expect(await accountOf(merchant.owner)).toMatchObject({ balance: "30" });
    const usage = await fetch(`${world.stack.facilitator}/mandates/${NETWORK}/${payer.account}/${mandateDigest(mandate.mandate)}`);
    expect(await usage.json()).toMatchObject({ settled: "30", claimed: "70" });
  });

  test("signs no session that the mandate does not carry [interop-session-mandate-limit]", async () => {
    const merchant = await shop();
    const refused = async (changes: Partial<Mandate>) => expect((await within(merchant, changes)).pay(merchant.url)).rejects;
    const session = { deposit: "99", seconds: "3600", withdrawDelay: "900", open: "1" } as Mandate["session"];
    await (await refused({ session })).toThrow("mandate_exceeded");
    await (await refused({ payees: [(await newPayer()).account] })).toThrow("mandate_mismatch");
    expect(merchant.runs).toBe(0);
  });

  test("pays no terms of another origin than the one that is fetched [interop-session-mandate-origin]", async () => {
    const merchant = await shop();
    const other = await shop({ origin: merchant.origin }, merchant.owner);
    // As a proxy would: the terms name the address behind it.
    const redirecting: typeof fetch = (input, init) =>
      fetch(new Request(new Request(input, init).url.replace(merchant.origin, other.origin), new Request(input, init)));
    const { pay } = await within(merchant, {}, redirecting);
    await expect(pay(merchant.url)).rejects.toThrow("mandate_mismatch");
    expect([merchant.runs, other.runs]).toEqual([0, 0]);
  });
});
