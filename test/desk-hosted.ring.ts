/** The hosted desk over HTTP, as owner and agent meet it: real workerd, real objects, the real merchant and ledger behind it. */

import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { utf8 } from "../shared/crypto/bytes.ts";
import { bodyDigest, canonicalJson, type Digest } from "../shared/crypto/digest.ts";
import { readApproval } from "../shared/desk/approval-wire.ts";
import { readNativeWire } from "../shared/desk/native-wire.ts";
import { signedReceiptOf } from "../shared/evidence/parts.ts";
import { BATCH_SETTLEMENT, NETWORK } from "../shared/lez.ts";
import {
  MAX_AGENT_WAITS,
  MAX_APPROVAL_AGE_SECONDS,
  MAX_ASKS_PER_AGENT,
  MAX_NAME_LENGTH,
  MAX_NOTE_LENGTH,
  MAX_OFFER_LENGTH,
  MAX_PAIRED_AGENTS,
  MAX_REASON_LENGTH,
  MAX_URL_LENGTH,
} from "../shared/limits.ts";
import type { AccountId } from "../shared/protocol/account.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import { authorizationFor, signWithin } from "../shared/protocol/approval.ts";
import { authorizationDigest } from "../shared/protocol/authorization.ts";
import { bindingOf } from "../shared/protocol/binding.ts";
import { type Decision, recordDecision } from "../shared/protocol/decision.ts";
import { mandateDigest, type SignedMandate } from "../shared/protocol/mandate.ts";
import {
  checkPaymentRequest,
  newPaymentRequest,
  paymentFields,
  type PaymentRequest,
  requestDigest,
  signPaymentRequest,
} from "../shared/protocol/payment-request.ts";
import { policySigner } from "../shared/protocol/policy-signer.ts";
import { type MemberProof, prove } from "../shared/protocol/proof.ts";
import { signRevocation } from "../shared/protocol/revocation.ts";
import { sessionId } from "../shared/protocol/session.ts";
import { generateSecretKey, keySigner } from "../shared/protocol/signer.ts";
import { signVoucher } from "../shared/protocol/voucher.ts";
import { formatTimestamp, unixNow } from "../shared/time.ts";
import { decodeHeader, PAYMENT_REQUIRED, PAYMENT_RESPONSE } from "../shared/x402/headers.ts";
import { paymentRequiredSchema, type PaymentRequirements, settleResponseSchema } from "../shared/x402/x402.ts";
import { Agent, askOnChain, Page, passkeyAt, randomHex, REASON } from "./desk/people.ts";
import { type PairedPeople, useDesk } from "./desk/world.ts";
import { accountOfTestPolicy, policyOf } from "./passkey.ts";
import { newMandate } from "./signed.ts";

const world = useDesk();

const decisionOn = (digest: Digest, decision: Decision["decision"] = "declined"): Decision => ({
  requestDigest: digest,
  decision,
  code: "not_needed",
  decidedAt: formatTimestamp(unixNow()),
});

describe("from pairing to goods", () => {
  test("an agent is paired, asks, its owner approves with a passkey, and the merchant is paid [desk-whole-way]", async () => {
    const page = new Page(world.desk, world.passkey());
    expect(await page.call("keys", { account: page.account })).toEqual({ account: page.account, passkeys: [] });
    expect((await page.signIn()).verdict).toBe("ok");
    await world.fund(page.account);
    const agent = await Agent.create(world.desk);
    expect((await agent.openPairing(page.account)).body.data).toMatchObject({ state: "open" });
    const waiting = agent.send("GET", `${agent.place}?wait=25`);
    await page.pair(agent);
    expect((await waiting).body.data).toMatchObject({ state: "paired", pairing: { pairing: { account: page.account } } });

    const { request, terms, digest } = await agent.request(world.url());
    expect((await agent.ask(page.account, request, terms)).body).toEqual({ ok: true, data: { state: "pending", requestDigest: digest } });
    const looking = agent.look(page.account, digest, 25);
    expect(await page.call("requests", { all: false })).toMatchObject({
      requests: [{ requestDigest: digest, state: "pending", reason: REASON }],
    });
    expect((await page.approve(digest)).verdict).toBe("ok");
    const asked = await looking;
    if (asked.state !== "approved") throw new Error(asked.state);
    expect((await world.buy(request, asked.payment)).status).toBe(200);
    const transaction = expect.stringMatching(/^[0-9a-f]{64}$/);
    expect(await page.call("request", { request: digest })).toMatchObject({ state: "paid", transaction });
    expect(await page.call("history", { days: 7 })).toMatchObject({
      payments: 1,
      total: { amount: "10000" },
      list: [{ url: request.http.url, transaction }],
    });
    expect((await page.call("export", { format: "payments" })).text.split("\n")[1]).toContain(REASON);
    expect((await page.call("export", { format: "jsonl" })).text).toMatch(
      /"event":"paired"[\s\S]*"event":"asked"[\s\S]*"event":"approved"/,
    );
    expect(JSON.parse((await page.call("file", { request: digest })).text)).toEqual({ request, terms });
  });

  test("the owner of a sealed key decides here as well", async () => {
    const people = await world.paired(await keySigner(generateSecretKey()));
    const { request, digest } = await world.asked(people);
    await people.page.approve(digest);
    const asked = await people.agent.look(people.page.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    expect((await world.buy(request, asked.payment)).status).toBe(200);
  });

  test("a no, signed or not, reaches the agent, and is final [desk-declined]", async () => {
    const people = await world.paired();
    const { page, agent } = people;
    const [first, second] = [await world.asked(people), await world.asked(people)];
    const looking = agent.look(page.account, first.digest, 25);
    expect((await page.send("refuse", { record: { decision: decisionOn(first.digest), signed: false } })).body.data).toMatchObject({
      shortCode: expect.any(String),
    });
    expect(await looking).toMatchObject({ state: "declined", decision: { signed: false, decision: { code: "not_needed" } } });
    const { ledger } = await page.call("desk", {});
    const record = await recordDecision({ ...decisionOn(second.digest), note: "n".repeat(MAX_NOTE_LENGTH) }, page.signer, ledger as Digest);
    await page.call("refuse", { record });
    expect(await agent.look(page.account, second.digest)).toMatchObject({ state: "declined", decision: { signed: true } });
    expect(await page.send("read", { request: first.digest })).toMatchObject({ verdict: "decided_meanwhile" });
    expect((await page.call("refuse", { record })).already).toBe(true);
  });

  test("a request on the chain itself is listed, read and followed, and no key of the account signs it [desk-native]", async () => {
    const people = await world.paired();
    const { page, agent } = people;
    const [asked, other, declined] = [await askOnChain(agent, page), await askOnChain(agent, page), await askOnChain(agent, page)];
    expect(await page.call("requests", { all: false })).toMatchObject({
      requests: [{ network: "lez:devnet", state: "pending", requestDigest: asked.digest }, {}, { requestDigest: declined.digest }],
    });
    const { view } = await page.call("readNative", { request: asked.digest });
    const read = await readNativeWire(view);
    expect(read.ok && read.view.checked.digest).toBe(asked.digest);
    expect(view.host).toMatchObject({ kind: "unconfirmed", why: "this desk sends no POST" });
    expect(await page.send("read", { request: asked.digest })).toMatchObject({
      verdict: "request_refused",
      body: { error: { message: expect.stringContaining("only a key of the chain signs that, at a terminal") as string } },
    });
    // What a lying page could make: the words of a payment, proved by the account.
    const { request } = await world.asked(people);
    const checked = await checkPaymentRequest(request, unixNow());
    if (!checked.ok) throw new Error(checked.problem);
    const authorization = {
      ...authorizationFor(request, checked, page.account, unixNow()),
      network: "lez:devnet",
      requestDigest: asked.digest,
    };
    const payload = { authorization, ...(await prove(authorizationDigest(authorization), page.signer)) };
    const payment = { x402Version: 2 as const, resource: { url: asked.request.http.url }, accepted: checked.offer, payload };
    expect(await page.send("decide", { payment })).toMatchObject({
      verdict: "request_differs",
      body: { error: { message: expect.stringContaining("lez:devnet, the chain itself, which no desk signs for") as string } },
    });
    // Decided at the terminal of the agent's machine: it is taken back here, and the desk is not told what was decided.
    await agent.send("POST", agent.at(page.account, `requests/${other.digest}/cancel`), {});
    expect(await page.call("request", { request: other.digest })).toMatchObject({ state: "cancelled", decidedElsewhere: true });
    const looking = agent.look(page.account, declined.digest, 25);
    await page.call("refuse", { record: { decision: decisionOn(declined.digest), signed: false } });
    expect(await looking).toMatchObject({ state: "declined", decision: { signed: false } });
    expect(await page.send("readNative", { request: declined.digest })).toMatchObject({ verdict: "decided_meanwhile" });
  });

  test("an approval is revoked here and at the ledger, and pays nothing then [desk-revoked]", async () => {
    const people = await world.paired();
    const { page, agent } = people;
    const { request, digest } = await world.asked(people);
    const payment = await page.payment(digest);
    await page.call("decide", { payment });
    const { ledger } = await page.call("desk", {});
    const record = await recordDecision(decisionOn(digest, "revoked"), page.signer, ledger as Digest);
    expect(await page.call("refuse", { record })).toEqual({ shortCode: expect.any(String) });
    expect(await agent.look(page.account, digest)).toMatchObject({ state: "revoked" });
    const answer = await world.buy(request, payment);
    expect([answer.status, answer.headers.get("X-Payment-Error")]).toEqual([402, "payment_revoked"]);
    expect(await page.call("request", { request: digest })).toMatchObject({ state: "revoked" });
  });

  test("a revocation after the payment says that it is too late [desk-revoked-late]", async () => {
    const people = await world.paired();
    const { page } = people;
    const { request, digest } = await world.asked(people);
    const payment = await page.payment(digest);
    await page.call("decide", { payment });
    expect((await world.buy(request, payment)).status).toBe(200);
    const { ledger } = await page.call("desk", {});
    const record = await recordDecision(decisionOn(digest, "revoked"), page.signer, ledger as Digest);
    expect((await page.call("refuse", { record })).problem).toContain("too late");
    expect(await page.call("request", { request: digest })).toMatchObject({ state: "paid" });
  });

  test("an allowance reaches its agent and no other, is listed with its use, and is revoked [desk-grant]", async () => {
    const owner = await keySigner(generateSecretKey());
    const { page, agent } = await world.paired(owner);
    const other = await Agent.create(world.desk);
    await other.openPairing();
    await page.pair(other);
    const signed = await newMandate(owner, agent.signer, world.stack.ledger as Digest, { origins: [world.stack.merchant] });
    await page.call("grant", { mandate: signed });
    const held = async (one: Agent) => (await one.send("GET", one.at(page.account, "mandates"))).body.data.mandates as unknown[];
    expect([await held(agent), await held(other)]).toEqual([[signed], []]);
    expect(await page.call("mandates", { all: false })).toMatchObject({
      mandates: [{ usage: { status: "open", used: { amount: "0" }, left: { amount: "20000" } } }],
    });
    const revocation = {
      version: "1" as const,
      network: NETWORK,
      ledger: signed.mandate.ledger,
      from: owner.account,
      mandate: mandateDigest(signed.mandate),
      revokedAt: String(unixNow()),
    };
    expect(await page.call("revoke", { revocation: await signRevocation(revocation, owner) })).toEqual({ revokedAt: expect.any(String) });
    expect(await held(agent)).toEqual([]);
    expect(await page.call("mandates", { all: true })).toMatchObject({ mandates: [{ usage: { status: "revoked" } }] });
    const stranger = await Agent.create(world.desk);
    const unpaired = await newMandate(owner, stranger.signer, world.stack.ledger as Digest);
    expect((await page.send("grant", { mandate: unpaired })).verdict).toBe("not_paired");
  });
});

describe("a receipt", () => {
  const receiptOf = (people: PairedPeople, digest: Digest) => people.page.call("receipt", { request: digest });
  const handIn = ({ agent, page }: PairedPeople, digest: Digest, handed: object, by = agent) =>
    by.send("POST", by.at(page.account, `requests/${digest}/receipt`), handed);

  async function paid() {
    const people = await world.paired();
    const { request, digest } = await world.asked(people);
    expect(await people.page.send("receipt", { request: digest })).toMatchObject({ verdict: "receipt_not_found", status: 404 });
    expect((await handIn(people, digest, { transaction: randomHex(32) })).verdict).toBe("usage");
    await people.page.approve(digest);
    const asked = await people.agent.look(people.page.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    const answer = await world.buy(request, asked.payment);
    const stated = decodeHeader(answer.headers.get(PAYMENT_RESPONSE) ?? "", settleResponseSchema);
    const receipt = stated.ok ? signedReceiptOf(stated.value) : undefined;
    if (!stated.ok || !receipt) throw new Error("no signed receipt");
    return { people, digest, request, transaction: stated.value.transaction, receipt };
  }

  test("has the ledger's word, and the merchant's as far as its agent hands it in [desk-receipt]", async () => {
    const { people, digest, request, transaction, receipt } = await paid();
    const before = await receiptOf(people, digest);
    expect(before).toMatchObject({
      signed: { receipt: false },
      report: { verdict: "incomplete", failed: 0, says: { url: request.http.url, transaction, payer: people.page.account } },
    });
    expect(before.stated).toBeUndefined();
    expect(before.report.points.find(({ id }) => id === "facilitator.settled")).toMatchObject({ verdict: "pass", saw: transaction });
    const stranger = await Agent.create(world.desk);
    await stranger.openPairing();
    await people.page.pair(stranger, "Another agent");
    expect((await handIn(people, digest, { transaction }, stranger)).verdict).toBe("request_not_found");
    // Unsigned it is the agent's claim; the merchant's own signature takes its place, and is checked.
    expect((await handIn(people, digest, { transaction: randomHex(32) })).verdict).toBe("ok");
    expect(await receiptOf(people, digest)).toMatchObject({ stated: { fits: false, by: "agent" }, report: { verdict: "incomplete" } });
    for (let times = 0; times < 2; times++) expect((await handIn(people, digest, { transaction, receipt })).verdict).toBe("ok");
    expect(await receiptOf(people, digest)).toMatchObject({
      stated: { fits: true, by: "agent" },
      signed: { receipt: true },
      report: { verdict: "verified", failed: 0 },
    });
    expect((await people.page.call("export", { format: "jsonl" })).text.match(/receipt_handed_in/g)).toHaveLength(2);
  });

  test.each<[string, (receipt: { format: "jws"; signature: string }, other: { signature: string }) => object, string]>([
    ["of another payment", (receipt, { signature }) => ({ ...receipt, signature }), "receipt."],
    [
      "whose signature does not fit",
      (receipt) => ({ ...receipt, signature: receipt.signature.replace(/.{8}$/, "AAAAAAAA") }),
      "receipt.signature",
    ],
  ])("%s is shown as one that differs [desk-receipt-differs]", async (_, change, point) => {
    const [{ people, digest, transaction, receipt }, other] = [await paid(), await paid()];
    expect((await handIn(people, digest, { transaction, receipt: change(receipt, other.receipt) })).verdict).toBe("ok");
    const { report } = await receiptOf(people, digest);
    expect(report.verdict).toBe("differs");
    expect(report.points.filter(({ verdict }) => verdict === "fail").map(({ id }) => id)).toEqual(
      expect.arrayContaining([expect.stringContaining(point)]),
    );
  });

  test("is none of an approval that is not paid", async () => {
    const people = await world.paired();
    const { digest } = await world.asked(people);
    await people.page.approve(digest);
    expect(await people.page.send("receipt", { request: digest })).toMatchObject({
      verdict: "receipt_not_found",
      body: { error: { message: expect.stringContaining("does not say that it is paid") } },
    });
    expect((await people.page.send("receipt", { request: randomHex(32) })).verdict).toBe("request_not_found");
  });
});

describe("what the page shows of the merchant", () => {
  const hostOf = async (page: Page, digest: Digest) => (await page.call("read", { request: digest })).view.host;

  test("asked just now, it makes the offer: the host confirms it", async () => {
    const people = await world.paired();
    const { digest } = await world.asked(people);
    expect(await hostOf(people.page, digest)).toMatchObject({ kind: "confirmed", by: "terms" });
  });

  test("an offer that it does not make is not read [desk-host-differs]", async () => {
    const { page, agent } = await world.paired();
    const { request } = await agent.request(world.url());
    const offer = { ...(JSON.parse(request.payment.offer) as PaymentRequirements), payTo: world.passkey().account };
    // As a merchant that is not the host would ask.
    const binding = bindingOf(request.http, offer);
    const forged = await signPaymentRequest(
      { ...request, payment: paymentFields({ ...offer, extra: { ...offer.extra, binding } }) as PaymentRequest["payment"] },
      agent.signer,
    );
    expect((await agent.ask(page.account, forged)).verdict).toBe("ok");
    expect(await page.send("read", { request: requestDigest(forged) })).toMatchObject({
      verdict: "terms_differ",
      body: { error: { message: expect.stringContaining("payee is") } },
    });
  });

  test.each([
    ["https://10.0.0.1/x", "public internet"],
    ["https://printer.local/x", "public internet"],
    ["http://shop.example.com/x", "https://"],
    ["https://shop.example.com:8443/x", "port"],
  ])("%s is not asked [desk-host-egress]", async (address, why) => {
    const { page, agent } = await world.paired();
    const { request } = await agent.request(world.url());
    const offer = JSON.parse(request.payment.offer) as PaymentRequirements;
    const http = { method: "GET", url: address };
    const elsewhere = await signPaymentRequest(
      {
        ...request,
        http,
        merchant: { name: "A shop", url: address },
        payment: paymentFields({ ...offer, extra: { ...offer.extra, binding: bindingOf(http, offer) } }) as PaymentRequest["payment"],
      },
      agent.signer,
    );
    expect((await agent.ask(page.account, elsewhere)).verdict).toBe("ok");
    const host = await hostOf(page, requestDigest(elsewhere));
    expect(host).toMatchObject({ kind: "unconfirmed", why: expect.stringContaining(why), signature: { kind: "unsigned" } });
  });

  test("a POST is not sent for a look, and the merchant's own signature under the agent's copy is checked [desk-host-post]", async () => {
    const { page, agent } = await world.paired();
    const url = `${world.stack.merchant}/summarize`;
    const body = "What this says is not sent along.";
    const answer = await fetch(url, { method: "POST", body });
    const terms = decodeHeader(answer.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
    const [offer] = terms.ok ? terms.value.accepts : [];
    if (!terms.ok || !offer) throw new Error(`no terms: ${answer.status}`);
    const { publicKey } = agent.signer;
    const http = { method: "POST", url, bodySha256: bodyDigest(utf8(body)) };
    const draft = { agent: { publicKey }, http, offer, reason: REASON, expiresIn: 600 };
    const request = await signPaymentRequest(newPaymentRequest(draft, unixNow()), agent.signer);
    await agent.ask(page.account, request, terms.value);
    const host = await hostOf(page, requestDigest(request));
    expect(host).toMatchObject({ kind: "unconfirmed", why: "this desk sends no POST", signature: { kind: "signed" } });
  });
});

describe("what an agent asks", () => {
  test("the same request again is no second one, and two copies at once are one [desk-ask-again]", async () => {
    const { page, agent } = await world.paired();
    const { request, digest } = await agent.request(world.url());
    const answers = await Promise.all(Array.from({ length: 8 }, () => agent.ask(page.account, request)));
    expect(answers.map(({ body }) => body.data)).toEqual(answers.map(() => ({ state: "pending", requestDigest: digest })));
    expect((await page.call("requests", { all: true })).requests).toHaveLength(1);
  });

  test("500 requests of one agent: what is taken is kept, the rest is one line and is told when to ask again [desk-flood]", async () => {
    const { page, agent } = await world.paired();
    const quiet = await Agent.create(world.desk);
    await quiet.openPairing();
    await page.pair(quiet, "Quiet agent");
    const { request: model } = await agent.request(world.url());
    const many = await Promise.all(
      Array.from({ length: 500 }, (_, i) => signPaymentRequest({ ...model, id: `pr_${String(i).padStart(16, "0")}` }, agent.signer)),
    );
    const sent = await Promise.all(many.map((request) => agent.ask(page.account, request)));
    const taken = sent.flatMap(({ verdict, body }) => (verdict === "ok" ? [body.data.requestDigest as string] : []));
    const refused = sent.filter(({ verdict }) => verdict !== "ok");
    expect(taken).toHaveLength(MAX_ASKS_PER_AGENT);
    expect(new Set(refused.map(({ verdict, status }) => `${verdict} ${status}`))).toEqual(new Set(["rate_limited 429"]));
    for (const { headers } of refused) expect(Number(headers.get("Retry-After"))).toBeGreaterThan(0);
    const list = await page.call("requests", { all: false });
    expect(new Set(list.requests.map(({ requestDigest }) => requestDigest))).toEqual(new Set(taken));
    expect(list.folded).toEqual([
      { agentKey: agent.signer.publicKey, name: "Research agent", requests: 500 - MAX_ASKS_PER_AGENT, lastAt: expect.any(String) },
    ]);
    expect((await page.call("settings", {})).agents.map(({ name, folded }) => [name, folded])).toEqual(
      expect.arrayContaining([
        ["Research agent", 500 - MAX_ASKS_PER_AGENT],
        ["Quiet agent", 0],
      ]),
    );
    // The flood is its agent's alone.
    const other = await quiet.request(world.url());
    expect((await quiet.ask(page.account, other.request)).verdict).toBe("ok");
  });

  test("a request of the greatest length in every field is taken, listed and read [desk-longest]", async () => {
    const { page, agent } = await world.paired();
    const { request: model, terms } = await agent.request(world.url());
    const widest = "\u{1F9FE}";
    const base = `${world.stack.merchant}/premium?`;
    const http = { method: "GET", url: base + "x".repeat(MAX_URL_LENGTH - base.length) };
    const offer = JSON.parse(model.payment.offer) as PaymentRequirements;
    const extra = { ...offer.extra, binding: bindingOf(http, offer) };
    const more = "y".repeat(MAX_OFFER_LENGTH - canonicalJson({ ...offer, extra: { ...extra, more: "" } }).length);
    const body = {
      ...model,
      agent: { ...model.agent, name: widest.repeat(MAX_NAME_LENGTH) },
      merchant: { name: widest.repeat(MAX_NAME_LENGTH), url: http.url },
      http,
      payment: paymentFields({ ...offer, extra: { ...extra, more } }) as PaymentRequest["payment"],
      reason: REASON + widest.repeat(MAX_REASON_LENGTH - REASON.length),
    };
    expect(body.payment.offer).toHaveLength(MAX_OFFER_LENGTH);
    const request = await signPaymentRequest(body, agent.signer);
    expect((await agent.ask(page.account, request, terms)).verdict).toBe("ok");
    expect((await page.call("requests", { all: false })).requests).toMatchObject([{ url: http.url, reason: body.reason }]);
    const sent = await page.send("read", { request: requestDigest(request) });
    // The merchant's header has no room for its signed terms under such an address.
    expect(sent.body.data.view.host).toMatchObject({ kind: "unconfirmed" });
    expect(await readApproval(sent.body.data.view)).toMatchObject({ ok: true });
    expect((await page.approve(requestDigest(request))).verdict).toBe("ok");
  });

  test.each<[string, (agent: Agent, url: string) => Promise<unknown>, string]>([
    [
      "was changed after it was signed",
      async (agent, url) => ({ ...(await agent.request(url)).request, reason: `${REASON} And more.` }),
      "request_refused",
    ],
    ["another agent signed", async (_, url) => (await (await Agent.create(world.desk)).request(url)).request, "request_refused"],
    ["has a reason without words", async (agent, url) => ({ ...(await agent.request(url)).request, reason: "" }), "usage"],
    ["has a member more", async (agent, url) => ({ ...(await agent.request(url)).request, more: "1" }), "usage"],
    [
      "lives for too long",
      async (agent, url) =>
        signPaymentRequest({ ...(await agent.request(url)).request, expiresAt: formatTimestamp(unixNow() + 13 * 3600) }, agent.signer),
      "request_refused",
    ],
    [
      "is over",
      async (agent, url) =>
        signPaymentRequest(
          {
            ...(await agent.request(url)).request,
            createdAt: formatTimestamp(unixNow() - 100),
            expiresAt: formatTimestamp(unixNow() - 10),
          },
          agent.signer,
        ),
      "request_expired",
    ],
  ])("a request that %s is not shown to the owner", async (_, made, code) => {
    const { page, agent } = await world.paired();
    const sent = await agent.send("POST", agent.at(page.account, "requests"), { request: await made(agent, world.url()) });
    expect([sent.verdict, sent.status >= 400 && sent.status < 500]).toEqual([code, true]);
    expect((await page.call("requests", { all: true })).requests).toEqual([]);
  });

  test("a request ends: the waiting agent is told, and the owner decides it no more [desk-ends]", async () => {
    const people = await world.paired();
    const { page, agent } = people;
    const { digest } = await world.asked(people, { expiresIn: 2 });
    const payment = await page.payment(digest);
    const began = Date.now();
    expect(await agent.look(page.account, digest, 25)).toEqual({ state: "expired", requestDigest: digest });
    expect(Date.now() - began).toBeLessThan(10_000);
    expect((await page.send("decide", { payment })).verdict).toBe("request_expired");
    expect((await page.send("refuse", { record: { decision: decisionOn(digest), signed: false } })).verdict).toBe("request_expired");
    expect((await page.call("requests", { all: true })).requests).toMatchObject([{ state: "expired" }]);
  });

  test("it takes its question back, and gets the payment if it was too late [desk-cancelled]", async () => {
    const people = await world.paired();
    const { page, agent } = people;
    const [first, second] = [await world.asked(people), await world.asked(people)];
    const payment = await page.payment(first.digest);
    const cancel = async (digest: string) => (await agent.send("POST", agent.at(page.account, `requests/${digest}/cancel`), {})).body.data;
    expect(await cancel(first.digest)).toEqual({ state: "cancelled", requestDigest: first.digest });
    expect((await page.send("decide", { payment })).verdict).toBe("decided_meanwhile");
    await page.approve(second.digest);
    expect(await cancel(second.digest)).toMatchObject({ state: "approved", payment: {} });
  });

  test("a decision is told to the key that asked, and to no other [desk-own-decision]", async () => {
    const people = await world.paired();
    const { page } = people;
    const { digest } = await world.asked(people);
    await page.approve(digest);
    const other = await Agent.create(world.desk);
    await other.openPairing();
    await page.pair(other);
    for (const [method, path] of [
      ["GET", `requests/${digest}`],
      ["POST", `requests/${digest}/cancel`],
    ] as const)
      expect(await other.send(method, other.at(page.account, path), method === "POST" ? {} : undefined)).toMatchObject({
        verdict: "request_not_found",
        status: 404,
      });
    const stranger = await Agent.create(world.desk);
    expect((await stranger.send("GET", stranger.at(page.account, `requests/${digest}`))).verdict).toBe("not_paired");
  });

  test("so many calls wait, and one more is told to come later", async () => {
    const people = await world.paired();
    const { page, agent } = people;
    const { digest } = await world.asked(people);
    const path = agent.at(page.account, `requests/${digest}?wait=25`);
    const calls = Array.from({ length: MAX_AGENT_WAITS + 1 }, () => agent.send("GET", path));
    expect((await Promise.race(calls)).verdict).toBe("rate_limited");
    await page.send("refuse", { record: { decision: decisionOn(digest), signed: false } });
    const told = (await Promise.all(calls)).filter(({ verdict }) => verdict === "ok");
    expect(told).toHaveLength(MAX_AGENT_WAITS);
    for (const sent of told) expect(sent.body.data).toMatchObject({ state: "declined" });
  });
});

describe("pairing", () => {
  test("a place is one agent's, for one account, once [desk-pairing-once]", async () => {
    const page = new Page(world.desk, world.passkey());
    await page.signIn();
    const [agent, thief] = [await Agent.create(world.desk), await Agent.create(world.desk)];
    await agent.openPairing(page.account);
    expect((await thief.send("PUT", agent.place, { agent: thief.signer.publicKey })).verdict).toBe("pairing_not_found");
    expect((await thief.send("GET", agent.place)).verdict).toBe("pairing_not_found");
    expect((await thief.send("PUT", thief.place, { agent: agent.signer.publicKey })).verdict).toBe("call_refused");
    const other = new Page(world.desk, world.passkey());
    await other.signIn();
    await expect(other.pair(agent)).rejects.toThrow("pairing_not_found");
    const place = agent.place.split("/").at(-1) ?? "";
    expect(await page.call("pairing", { place })).toMatchObject({ agent: agent.signer.publicKey, account: page.account });
    const first = await page.pair(agent);
    expect(await page.pair(agent, "Renamed")).toEqual({ ...first, name: "Renamed" });
    expect((await page.send("pairing", { place })).verdict).toBe("pairing_not_found");
    expect((await other.call("settings", {})).agents).toEqual([]);
  });

  test("a key of the account is no agent, and there are so many agents at most", async () => {
    const owner = await keySigner(generateSecretKey());
    const page = new Page(world.desk, owner);
    await page.signIn();
    const self = Object.assign(await Agent.create(world.desk), { signer: owner });
    await self.openPairing();
    await expect(page.pair(self)).rejects.toThrow("usage");
    for (let i = 0; i < MAX_PAIRED_AGENTS; i++) {
      const agent = await Agent.create(world.desk);
      await agent.openPairing();
      await page.pair(agent);
    }
    const more = await Agent.create(world.desk);
    await more.openPairing();
    await expect(page.pair(more)).rejects.toThrow("desk_full");
  });

  test.each(["owner", "agent"])(
    "the %s ends it at once: calls that wait end, and what was approved is handed out no more [desk-unpair]",
    async (by) => {
      const people = await world.paired();
      const { page, agent } = people;
      const [approved, open] = [await world.asked(people), await world.asked(people)];
      await page.approve(approved.digest);
      const waiting = agent.send("GET", agent.at(page.account, `requests/${open.digest}?wait=25`));
      await sleep(300);
      const began = Date.now();
      if (by === "owner") expect((await page.set("agent.unpair", { publicKey: agent.signer.publicKey })).body.data.agents).toEqual([]);
      else expect((await agent.send("POST", agent.at(page.account, "unpair"), {})).verdict).toBe("ok");
      expect(await waiting).toMatchObject({ verdict: "not_paired", status: 403 });
      expect(Date.now() - began).toBeLessThan(5000);
      expect((await page.call("requests", { all: false })).requests).toEqual([]);
      expect(await page.call("request", { request: open.digest })).toMatchObject({ state: "cancelled" });
      expect((await agent.send("GET", agent.at(page.account, `requests/${approved.digest}`))).verdict).toBe("not_paired");
    },
  );
});

describe("the first decision counts", () => {
  test("two devices at once: one wins, the other is told what it is, and the agent gets the winner's [desk-two-devices]", async () => {
    const people = await world.paired();
    const { page, agent } = people;
    for (let i = 0; i < 10; i++) {
      const { digest } = await world.asked(people);
      const payment = await page.payment(digest);
      const record = { decision: decisionOn(digest), signed: false };
      const answers = await Promise.all([page.send("decide", { payment }), page.send("refuse", { record })]);
      const verdicts = answers.map(({ verdict }) => verdict);
      expect(verdicts.toSorted()).toEqual(["decided_meanwhile", "ok"]);
      const won = verdicts[0] === "ok" ? "approved" : "declined";
      expect(JSON.stringify(answers.find(({ verdict }) => verdict !== "ok")?.body)).toContain(`is ${won} already`);
      expect((await agent.look(page.account, digest)).state).toBe(won);
    }
  });

  test("the same approval again is answered as the first; another one is refused", async () => {
    const people = await world.paired();
    const { digest } = await world.asked(people);
    const [first, second] = [await people.page.payment(digest), (await sleep(1100), await people.page.payment(digest))];
    await people.page.call("decide", { payment: first });
    expect((await people.page.send("decide", { payment: first })).verdict).toBe("ok");
    expect((await people.page.send("decide", { payment: second })).verdict).toBe("decided_meanwhile");
  });
});

describe("a policy of two of three", () => {
  async function members() {
    const [phone, laptop] = [passkeyAt(world.desk), passkeyAt(world.desk)];
    const sealed = await keySigner(generateSecretKey());
    const policy = policyOf(2, phone, laptop, sealed);
    const account = accountOfTestPolicy(policy);
    const one = (member: { account: string }) => policySigner(policy, [member as typeof phone]);
    return { phone, laptop, sealed, policy, account, one };
  }
  type Members = Awaited<ReturnType<typeof members>>;

  /** The page of one member: reading needs one key. */
  async function pagesOf({ phone, laptop, one }: Members) {
    const [first, second] = [new Page(world.desk, one(phone)), new Page(world.desk, one(laptop))];
    await first.signIn();
    await second.signIn();
    const agent = await Agent.create(world.desk);
    await agent.openPairing();
    await first.pair(agent);
    await world.fund(first.account);
    return { first, second, people: { page: first, agent } };
  }

  async function viewOf(page: Page, digest: Digest) {
    const { view, partial } = await page.call("read", { request: digest });
    const read = await readApproval(view);
    if (!read.ok) throw new Error(read.problem);
    return { authorization: read.view.authorization, session: read.view.session, partial };
  }

  test("one key pays nothing, the second completes what the first signed, and the merchant is paid [desk-two-of-three]", async () => {
    const all = await members();
    const { first, second, people } = await pagesOf(all);
    const { phone, laptop, policy } = all;
    const { request, digest } = await world.asked(people);
    const { authorization } = await viewOf(first, digest);
    const proof: MemberProof = phone.assert(authorizationDigest(authorization));
    const ask = { request: digest, authorization, policy };
    expect(await first.call("partial", { ...ask, proof })).toMatchObject({ whole: false, missing: 1 });
    expect(await first.call("partial", { ...ask, proof })).toMatchObject({ whole: false, missing: 1 });
    expect(await people.agent.look(first.account, digest)).toEqual({ state: "pending", requestDigest: digest });
    const seen = await viewOf(second, digest);
    expect(seen.partial).toMatchObject({ authorization, proofs: [proof] });
    await sleep(1100);
    const own = (await viewOf(second, digest)).authorization;
    expect((await second.send("partial", { ...ask, authorization: own, proof: laptop.assert(authorizationDigest(own)) })).verdict).toBe(
      "decided_meanwhile",
    );
    const signed = laptop.assert(authorizationDigest(authorization));
    expect(await second.call("partial", { ...ask, proof: signed })).toMatchObject({ whole: true, missing: 0 });
    const asked = await people.agent.look(first.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    expect((await world.buy(request, asked.payment)).status).toBe(200);
  });

  test("two keys at once make one payment [desk-two-keys-at-once]", async () => {
    const all = await members();
    const { first, second, people } = await pagesOf(all);
    const { digest, request } = await world.asked(people);
    const { authorization } = await viewOf(first, digest);
    const ask = { request: digest, authorization, policy: all.policy };
    const answers = await Promise.all([
      first.send("partial", { ...ask, proof: all.phone.assert(authorizationDigest(authorization)) }),
      second.send("partial", { ...ask, proof: all.laptop.assert(authorizationDigest(authorization)) }),
    ]);
    expect(answers.filter(({ body }) => body.data.whole === true)).toHaveLength(1);
    const asked = await people.agent.look(first.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    expect((await world.buy(request, asked.payment)).status).toBe(200);
  });

  test("a session is opened by two keys, and its agent buys in it [desk-session-two-keys]", async () => {
    const all = await members();
    const { first, second, people } = await pagesOf(all);
    const { page, agent } = people;
    const wanted = { scheme: BATCH_SETTLEMENT, session: { deposit: "1000" as Amount, seconds: 600 } };
    const { request, digest } = await world.asked(people, wanted, `${world.stack.merchant}/quote?symbol=LGO`);
    const { session, authorization } = await viewOf(first, digest);
    if (!session) throw new Error("no session");
    const ask = { request: digest, session, policy: all.policy };
    const [signedFirst, signedSecond] = [all.phone, all.laptop].map((key) => key.assert(sessionId(session)));
    const inWords = { ...ask, session: undefined, authorization, proof: all.phone.assert(authorizationDigest(authorization)) };
    expect((await first.send("partial", inWords)).verdict).toBe("request_differs");
    expect((await first.send("partial", { ...ask, authorization, proof: signedFirst })).verdict).toBe("usage");
    const richer = { ...session, deposit: "2000" as Amount };
    expect((await first.send("partial", { ...ask, session: richer, proof: all.phone.assert(sessionId(richer)) })).verdict).toBe(
      "request_differs",
    );
    expect((await first.send("partial", { ...ask, proof: inWords.proof })).verdict).toBe("invalid_signature");
    expect((await first.send("partial", { ...ask, proof: signedFirst })).body.data).toMatchObject({ whole: false, missing: 1 });
    expect(await agent.look(page.account, digest)).toMatchObject({ state: "pending" });
    expect((await viewOf(second, digest)).partial).toMatchObject({ session, proofs: [signedFirst] });
    await sleep(1100);
    const own = (await viewOf(second, digest)).session ?? session;
    expect((await second.send("partial", { ...ask, session: own, proof: all.laptop.assert(sessionId(own)) })).verdict).toBe(
      "decided_meanwhile",
    );
    expect((await second.send("partial", { ...ask, proof: signedSecond })).body.data).toMatchObject({ whole: true, missing: 0 });
    const asked = await agent.look(page.account, digest);
    if (asked.state !== "approved") throw new Error(asked.state);
    const { binding } = asked.payment.accepted.extra as { binding: Digest };
    const voucher = { session: sessionId(session), lane: "0", serial: "1", maxClaimableAmount: request.payment.amount, binding };
    const payload = { ...asked.payment.payload, ...(await signVoucher(voucher, agent.signer)) };
    const answer = await world.buy(request, { ...asked.payment, payload });
    expect([answer.status, answer.headers.get("X-Payment-Error")]).toEqual([200, null]);
  });

  describe("proposes an allowance", () => {
    async function proposing() {
      const all = await members();
      const pages = await pagesOf(all);
      const { agent } = pages.people;
      const { mandate } = await newMandate(all.sealed, agent.signer, world.stack.ledger as Digest, {
        from: all.account,
        agent: agent.signer.publicKey,
        payees: [world.stack.payTo as AccountId],
        origins: [world.stack.merchant],
      });
      const part = (key: typeof all.phone, object = mandate) => ({
        mandate: object,
        policy: all.policy,
        proof: key.assert(mandateDigest(object)),
      });
      const granted = async () => (await agent.send("GET", agent.at(all.account, "mandates"))).body.data.mandates as object[];
      return { ...all, ...pages, agent, mandate, digest: mandateDigest(mandate), part, granted };
    }

    test("the agent gets it with the second key, once, and pays within it [desk-grant-two-keys]", async () => {
      const { phone, laptop, first, second, agent, mandate, digest, part, granted } = await proposing();
      expect(await first.call("grantPart", part(phone))).toMatchObject({ whole: false, missing: 1 });
      expect(await first.call("grantPart", part(phone))).toMatchObject({ whole: false, missing: 1 });
      expect(await granted()).toEqual([]);
      const { proposed, mandates } = await second.call("mandates", { all: false });
      expect(mandates).toEqual([]);
      expect(proposed).toEqual([{ mandate, signedBy: [phone.account], endsAt: expect.any(String) }]);
      const other = { ...mandate, salt: randomHex(32) as Digest };
      expect((await second.send("grantPart", part(laptop, other))).verdict).toBe("decided_meanwhile");
      expect(await second.call("grantPart", part(laptop))).toMatchObject({ whole: true, missing: 0 });
      expect(await second.call("grantPart", part(laptop))).toMatchObject({ whole: true, missing: 0 });
      expect(await first.call("mandates", { all: false })).toMatchObject({ proposed: [], mandates: [{ mandate: digest }] });
      expect((await first.send("dropProposed", { mandate: digest })).verdict).toBe("decided_meanwhile");
      const [signed, ...more] = (await granted()) as SignedMandate[];
      if (!signed || more.length > 0) throw new Error("not one mandate");
      const { request } = await agent.request(world.url());
      const checked = await checkPaymentRequest(request, unixNow());
      if (!checked.ok) throw new Error(checked.problem);
      const payment = await signWithin(signed, request, checked, agent.signer, unixNow());
      const answer = await world.buy(request, payment);
      expect([answer.status, answer.headers.get("X-Payment-Error")]).toEqual([200, null]);
    });

    test("two keys at once grant it once [desk-grant-at-once]", async () => {
      const { phone, laptop, first, second, part, granted } = await proposing();
      const answers = await Promise.all([first.send("grantPart", part(phone)), second.send("grantPart", part(laptop))]);
      expect(answers.filter(({ body }) => body.data.whole === true)).toHaveLength(1);
      expect(await granted()).toHaveLength(1);
    });

    test("any one key drops it, and a revocation of all ends it [desk-proposal-dropped]", async () => {
      const { phone, laptop, first, second, digest, part, granted, account, one, mandate } = await proposing();
      await first.call("grantPart", part(phone));
      expect(await second.call("dropProposed", { mandate: digest })).toEqual({ shortCode: expect.any(String) });
      expect((await second.call("mandates", { all: false })).proposed).toEqual([]);
      expect((await second.send("dropProposed", { mandate: digest })).verdict).toBe("mandate_not_found");
      expect(await second.call("grantPart", part(laptop))).toMatchObject({ whole: false, missing: 1 });
      const { network, ledger } = mandate;
      const all = { version: "1", network, ledger, from: account, mandate: "*", revokedAt: String(unixNow()) } as const;
      await first.call("revoke", { revocation: await signRevocation(all, one(phone)) });
      expect((await second.call("mandates", { all: false })).proposed).toEqual([]);
      expect(await granted()).toEqual([]);
    });

    test("unpairing its agent ends it [desk-proposal-unpaired]", async () => {
      const { phone, laptop, first, second, agent, part } = await proposing();
      await first.call("grantPart", part(phone));
      await first.set("agent.unpair", { publicKey: agent.signer.publicKey });
      expect((await second.call("mandates", { all: false })).proposed).toEqual([]);
      expect((await second.send("grantPart", part(laptop))).verdict).toBe("not_paired");
    });

    test("what was made too long ago, by a stranger or for another account is refused [desk-proposal-refused]", async () => {
      const { phone, first, part, mandate } = await proposing();
      const stranger = passkeyAt(world.desk);
      expect((await first.send("grantPart", part(stranger))).verdict).toBe("invalid_signature");
      expect((await first.send("grantPart", { ...part(phone), proof: phone.assert(randomHex(32) as Digest) })).verdict).toBe(
        "invalid_signature",
      );
      const foreign = { ...mandate, from: stranger.account };
      expect((await first.send("grantPart", part(phone, foreign))).verdict).toBe("request_differs");
      const weaker = policyOf(1, phone, stranger);
      expect((await first.send("grantPart", { ...part(phone), policy: weaker })).verdict).toBe("request_differs");
      const old = { ...mandate, grantedAt: String(unixNow() - MAX_APPROVAL_AGE_SECONDS - 2) };
      expect((await first.send("grantPart", part(phone, old))).verdict).toBe("proof_expired");
      expect((await first.send("grantPart", part(phone, { ...mandate, extra: "1" } as never))).verdict).toBe("usage");
      expect((await first.call("mandates", { all: false })).proposed).toEqual([]);
    });
  });

  test("any one key declines for all, and what was signed in part is gone [desk-any-declines]", async () => {
    const all = await members();
    const { first, second, people } = await pagesOf(all);
    const { digest } = await world.asked(people);
    const { authorization } = await viewOf(first, digest);
    const ask = { request: digest, authorization, policy: all.policy };
    await first.call("partial", { ...ask, proof: all.phone.assert(authorizationDigest(authorization)) });
    const record = await recordDecision(decisionOn(digest), all.one(all.laptop), world.stack.ledger as Digest);
    await second.call("refuse", { record });
    expect((await second.send("partial", { ...ask, proof: all.laptop.assert(authorizationDigest(authorization)) })).verdict).toBe(
      "decided_meanwhile",
    );
    expect(await people.agent.look(first.account, digest)).toMatchObject({ state: "declined" });
  });

  test.each<[string, (all: Members, digest: string) => Promise<Record<string, unknown>> | Record<string, unknown>, string]>([
    ["a stranger's key", (_, digest) => ({ proof: passkeyAt(world.desk).assert(digest as Digest) }), "invalid_signature"],
    ["a signature of something else", ({ phone }) => ({ proof: phone.assert(randomHex(32) as Digest) }), "invalid_signature"],
    [
      "another policy",
      ({ phone, laptop }, digest) => ({ policy: policyOf(1, phone, laptop), proof: phone.assert(digest as Digest) }),
      "request_differs",
    ],
  ])("%s signs no part", async (_, changes, code) => {
    const all = await members();
    const { first, people } = await pagesOf(all);
    const { digest } = await world.asked(people);
    const { authorization } = await viewOf(first, digest);
    const ask = { request: digest, authorization, policy: all.policy, ...(await changes(all, authorizationDigest(authorization))) };
    expect((await first.send("partial", ask)).verdict).toBe(code);
  });
});
