/** `@x402/fetch` with our scheme at a merchant of ours that sells by session, in this process. spec/interop.md. */

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { x402Client } from "@x402/core/client";
import { wrapFetchWithPayment } from "@x402/fetch";
import type { Handler } from "hono";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { receiptOf } from "../../agent-cli/demo/buyer.ts";
import { sessionFiles } from "../../agent-cli/session-files.ts";
import {
  type BatchSettlementConfig,
  BatchSettlementLezScheme,
  type ClientSessionStore,
  registerBatchSettlementLezScheme,
} from "../../shared/batch-settlement/client/index.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { NETWORK } from "../../shared/lez.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { decodeHeader, PAYMENT_SIGNATURE } from "../../shared/x402/headers.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";
import type { PaywallEnv, PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { createMerchant, ORIGIN } from "../sessions/merchant.ts";

const GOODS: Handler<PaywallEnv> = (c) => c.text("goods");
let merchant: ReturnType<typeof createMerchant>;

beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => undefined);
  merchant = createMerchant();
});

interface Sent {
  type: string;
  voucher: { session: string; lane: string; serial: string; maxClaimableAmount: string };
}

/** A buyer that was there before: its keys, its merchant's isolate, its sessions. `dies` before it sends a voucher. */
interface Started {
  store?: ClientSessionStore;
  dies?: boolean;
  owner?: WalletSigner;
  agentKey?: WalletSigner;
  send?: Awaited<ReturnType<ReturnType<typeof createMerchant>["isolate"]>>;
}

/** The official client with our scheme, and what it sent. `open` holds a deposit of 100 requests. */
async function buyer(
  handler: Handler<PaywallEnv> = GOODS,
  changes: Partial<BatchSettlementConfig["session"]> = {},
  options: Partial<PaywallOptions> = {},
  { store, dies, ...before }: Started = {},
) {
  const send = before.send ?? (await merchant.isolate(handler, options));
  const sent: Sent[] = [];
  const signed: string[] = [];
  const overNetwork: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    if (dies && request.headers.has(PAYMENT_SIGNATURE)) throw new Error("died");
    const header = request.headers.get(PAYMENT_SIGNATURE);
    const payment = header === null ? undefined : decodeHeader(header, paymentPayloadSchema);
    if (payment?.ok) sent.push(payment.value.payload as unknown as Sent);
    return send(new URL(request.url).pathname, { method: request.method, headers: request.headers });
  };
  const owner = before.owner ?? (await keySigner(generateSecretKey()));
  const agentKey = before.agentKey ?? (await keySigner(generateSecretKey()));
  const signer = { ...owner, sign: (digest: never) => (signed.push(digest), owner.sign(digest)) };
  const session = { origin: ORIGIN, payTo: DEMO_MERCHANT_ACCOUNT, deposit: "1000", seconds: 3600, ...changes };
  const scheme = new BatchSettlementLezScheme({ signer, agentKey, session, ...(store && { store }) });
  const client = new x402Client().register(NETWORK, scheme);
  return { fetch: wrapFetchWithPayment(overNetwork, client), sent, signed, owner, agentKey, send, scheme };
}

const charged = (response: Response) => (receiptOf(response)?.["extra"] as { chargedAmount?: string } | undefined)?.chargedAmount;

describe("the official client with our scheme", () => {
  test("opens one session with its first request, and pays the others by vouchers [interop-session-fetch]", async () => {
    const { fetch, sent, signed } = await buyer();
    for (let call = 0; call < 4; call++) {
      const response = await fetch(`${ORIGIN}/item/1`);
      expect([response.status, charged(response)]).toEqual([200, "10"]);
    }
    expect(sent.map(({ type }) => type)).toEqual(["deposit", "voucher", "voucher", "voucher"]);
    expect(signed).toHaveLength(1);
    expect(merchant.calls.filter((call) => call === "open")).toHaveLength(1);
  });

  test("signs for what was charged, not for what it could have cost [interop-session-charge]", async () => {
    const { fetch, sent } = await buyer((c) => {
      c.get("payment").charge("3");
      return c.text("goods");
    });
    for (let call = 0; call < 3; call++) expect(charged(await fetch(`${ORIGIN}/item/1`))).toBe("3");
    const [, second, third] = sent.map(({ voucher }) => voucher);
    expect(Number(third?.maxClaimableAmount)).toBe(Number(second?.maxClaimableAmount) + 3);
  });

  test("pays requests at once, each by a voucher of its own [interop-session-parallel]", async () => {
    const { fetch, sent, signed } = await buyer();
    const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`${ORIGIN}/item/1`)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(signed).toHaveLength(1);
    const serials = sent.map(({ voucher: { lane, serial } }) => `${lane}:${serial}`);
    expect(new Set(serials).size).toBe(serials.length);
  });

  test("continues where the merchant is, after its object and isolate started anew [interop-session-corrected]", async () => {
    const { fetch, sent } = await buyer();
    for (let call = 0; call < 3; call++) await fetch(`${ORIGIN}/item/1`);
    const [{ voucher } = { voucher: { session: "" } }] = sent;
    merchant.restart(voucher.session);
    expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
  });

  test("goes on with its session after a restart, and never signs a serial again [interop-session-store]", async () => {
    const directory = path.join(mkdtempSync(path.join(tmpdir(), "client-sessions-")), "sessions");
    onTestFinished(() => rmSync(path.dirname(directory), { recursive: true }));
    const first = await buyer(GOODS, {}, {}, { store: sessionFiles(directory) });
    for (let call = 0; call < 2; call++) await first.fetch(`${ORIGIN}/item/1`);
    const { owner, agentKey, send } = first;
    const started = { owner, agentKey, send, store: sessionFiles(directory) };
    // The next one dies after the voucher is on disk, before it is sent.
    const dying = await buyer(GOODS, {}, {}, { ...started, dies: true });
    await expect(dying.fetch(`${ORIGIN}/item/1`)).rejects.toThrow("died");
    const again = await buyer(GOODS, {}, {}, { ...started, store: sessionFiles(directory) });
    expect((await again.fetch(`${ORIGIN}/item/1`)).status).toBe(200);
    expect([...first.sent, ...again.sent].map(({ type }) => type)).toEqual(["deposit", "voucher", "voucher"]);
    // What died may have been served: it is covered until the merchant says what it charged.
    expect(again.sent[0]?.voucher).toMatchObject({ maxClaimableAmount: "30" });
    expect([first.signed, again.signed].map(({ length }) => length)).toEqual([1, 0]);
    expect(statSync(path.join(directory, `${first.sent[0]?.voucher.session}.json`)).mode & 0o777).toBe(0o600);
  });

  test("sends nothing that its store did not take [interop-session-store-fails]", async () => {
    const store = { load: async () => [], save: () => Promise.reject(new Error("no space left")), delete: async () => undefined };
    const { fetch, sent } = await buyer(GOODS, {}, {}, { store });
    await expect(fetch(`${ORIGIN}/item/1`)).rejects.toThrow("no space left");
    expect(sent).toEqual([]);
  });

  test("opens no other session than it may, whatever the merchant says [interop-session-limit]", async () => {
    const { fetch, signed } = await buyer(GOODS, { deposit: "20" });
    expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
    expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
    await expect(fetch(`${ORIGIN}/item/1`)).rejects.toThrow("session_exhausted");
    expect(signed).toHaveLength(1);
  });

  test("opens another where it may [interop-session-next]", async () => {
    const { fetch, signed } = await buyer(GOODS, { deposit: "20", open: 2 });
    for (let call = 0; call < 4; call++) expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
    expect(signed).toHaveLength(2);
    await expect(fetch(`${ORIGIN}/item/1`)).rejects.toThrow("session_exhausted");
  });

  test("signs nothing for another payee than the one it knows [interop-session-payee]", async () => {
    const { fetch, signed, owner } = await buyer(GOODS, {});
    const other = await buyer(GOODS, { payTo: owner.account });
    await expect(other.fetch(`${ORIGIN}/item/1`)).rejects.toThrow("recipient_mismatch");
    expect([...signed, ...other.signed]).toEqual([]);
    expect((await fetch(`${ORIGIN}/item/1`)).status).toBe(200);
  });
});

describe("a stream that is charged while it flows", () => {
  const METERED = { amount: "100", metered: true } as const;
  const words: Handler<PaywallEnv> = (c) => {
    const { charge } = c.get("payment");
    charge("3");
    charge("4");
    return c.body("data: one\n\ndata: two\n\n", 200, { "Content-Type": "text/event-stream" });
  };

  test("is read without its receipt, and the next voucher signs for what it cost [interop-session-metered]", async () => {
    const { fetch, sent, scheme } = await buyer(words, {}, METERED);
    await scheme.metered(await fetch(`${ORIGIN}/item/1`)).response.text();
    for (let call = 0; call < 2; call++) {
      const { response, receipt } = scheme.metered(await fetch(`${ORIGIN}/item/1`));
      expect(await response.text()).toBe("data: one\n\ndata: two\n\n");
      expect((await receipt)?.extra).toMatchObject({ chargedAmount: "7" });
    }
    expect(sent.map(({ voucher }) => voucher.maxClaimableAmount)).toEqual(["100", "100", "107"]);
  });

  test("that is not read may have cost all of its amount [interop-session-metered-unread]", async () => {
    const { fetch, sent, scheme } = await buyer(words, {}, METERED);
    await scheme.metered(await fetch(`${ORIGIN}/item/1`)).response.text();
    const { response, receipt } = scheme.metered(await fetch(`${ORIGIN}/item/1`));
    await response.body?.cancel();
    expect(await receipt).toBeUndefined();
    await fetch(`${ORIGIN}/item/1`);
    expect(sent.map(({ voucher }) => voucher.maxClaimableAmount)).toEqual(["100", "100", "200"]);
  });

  test("of another merchant is not touched [interop-session-metered-other]", async () => {
    const { scheme } = await buyer();
    const other = new Response("data: one\n\n", { headers: { "Content-Type": "text/event-stream" } });
    expect(scheme.metered(other).response).toBe(other);
  });
});

test("a scheme is not made with one key for two powers, nor with a deposit that is no amount [interop-session-options]", async () => {
  const signer = await keySigner(generateSecretKey());
  const session = { origin: ORIGIN, payTo: DEMO_MERCHANT_ACCOUNT, deposit: "1000", seconds: 3600 };
  const made = (config: BatchSettlementConfig) => () => registerBatchSettlementLezScheme(new x402Client(), config);
  expect(made({ signer, agentKey: signer, session })).toThrow(TypeError);
  const agentKey = await keySigner(generateSecretKey());
  expect(made({ signer, agentKey, session: { ...session, deposit: "0.5" } })).toThrow(TypeError);
});
