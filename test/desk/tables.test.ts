/** The tables of a desk, with a clock that the test moves. */

import { beforeEach, describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import {
  DESK_FOLD_SECONDS,
  DESK_KEPT_SECONDS,
  DESK_LOGIN_SECONDS,
  DESK_PROOF_SECONDS,
  DESK_UNAPPROVED_SECONDS,
  MAX_APPROVAL_AGE_SECONDS,
  MAX_DESK_LOGINS,
} from "../../shared/limits.ts";
import { migrate } from "../../shared/migrations.ts";
import { authorizationFor } from "../../shared/protocol/approval.ts";
import { checkPaymentRequest, requestDigest } from "../../shared/protocol/payment-request.ts";
import { foldedLines, noteFolded, pairAgent, pairedAgents, unpairAgent } from "../../workers/desk/agents.ts";
import { journal, note } from "../../workers/desk/journal.ts";
import { closeLogin, isOwnNonce, isSignedIn, makeNonce, openLogin, useOnce } from "../../workers/desk/logins.ts";
import { keepPart, partOf, wholeProofs } from "../../workers/desk/parts.ts";
import { findRequest, keepRequest, listRequests, outstandingBeside, pastDecisions, take } from "../../workers/desk/requests.ts";
import { DESK_STEPS, hasTables, migrateDesk } from "../../workers/desk/schema.ts";
import { putDeskSetting } from "../../workers/desk/settings.ts";
import type { DeskStore } from "../../workers/desk/store.ts";
import { sweep } from "../../workers/desk/sweep.ts";
import { agent, NOW, owner, paymentRequest, stranger } from "../fixtures.ts";
import { policyOf } from "../passkey.ts";

const request = await paymentRequest();
const digest = requestDigest(request);
const ENDS = NOW + 3600;
const OTHER = "0e".repeat(32) as Digest;

let store: DeskStore;
beforeEach(() => {
  store = { ...memoryStore(), size: () => 0 };
  migrateDesk(store);
});

test("an object without tables is a stranger's, and stays one until a login", () => {
  const empty: DeskStore = { ...memoryStore(), size: () => 0 };
  expect(hasTables(empty)).toBe(false);
  expect(hasTables(store)).toBe(true);
});

describe("a request", () => {
  const keep = (now = NOW) => keepRequest(store, { digest, request, terms: undefined }, now);
  const approve = (now = NOW) => take(store, digest, "approve", now, { payment: '{"a":"1"}', valid_before: now + 900 });

  test("is decided once: the second decision is refused with the state, and changes nothing [desk-first-decision]", () => {
    keep();
    expect(approve()).toMatchObject({ ok: true, changed: true });
    expect(take(store, digest, "decline", NOW, { decision: "{}" })).toEqual({ ok: false, code: "decided_meanwhile", state: "approved" });
    expect(take(store, digest, "approve again", NOW)).toMatchObject({ ok: true, changed: false });
    expect(findRequest(store, digest, NOW)).toMatchObject({ state: "approved", payment: '{"a":"1"}', decision: null });
  });

  test("can be approved in its last second, and not in the next", () => {
    keep();
    expect(findRequest(store, digest, ENDS)?.state).toBe("pending");
    expect(take(store, digest, "approve", ENDS + 1)).toMatchObject({ ok: false, code: "request_expired" });
    expect([listRequests(store, false, undefined, 9, ENDS).length, listRequests(store, false, undefined, 9, ENDS + 1).length]).toEqual([
      1, 0,
    ]);
  });

  test("that is approved counts as outstanding until its payment ends, and as history from then on", () => {
    keep();
    approve();
    expect(outstandingBeside(store, OTHER, NOW)).toEqual({ sum: 10000n, requests: 1 });
    expect(outstandingBeside(store, digest, NOW)).toEqual({ sum: 0n, requests: 0 });
    expect(outstandingBeside(store, OTHER, NOW + 901)).toEqual({ sum: 0n, requests: 0 });
    take(store, digest, "revoke", NOW, { decision: "{}" });
    const about = { requestDigest: digest, url: request.http.url, payTo: request.payment.payTo, amount: "10000" };
    expect(pastDecisions(store, owner.account)).toMatchObject([
      { ...about, decision: "approved", from: owner.account },
      { ...about, decision: "revoked" },
    ]);
  });

  test.each([
    ["expired", DESK_UNAPPROVED_SECONDS, ENDS],
    ["declined", DESK_UNAPPROVED_SECONDS, ENDS],
    ["approved", DESK_KEPT_SECONDS, NOW],
  ] as const)("that was %s is kept for its time, and no longer [desk-retention]", (state, kept, from) => {
    keep();
    if (state === "declined") take(store, digest, "decline", NOW, { decision: "{}" });
    if (state === "approved") approve();
    sweep(store, from + kept);
    expect(findRequest(store, digest, NOW)).toMatchObject({ state });
    sweep(store, from + kept + 1);
    expect(findRequest(store, digest, NOW)).toBeUndefined();
  });
});

describe("what keys of a policy sign one by one", async () => {
  const checked = await checkPaymentRequest(request, NOW);
  if (!checked.ok) throw new Error(checked.problem);
  const at = (now: number) => authorizationFor(request, checked, owner.account, now);
  const proof = (name: string) => ({ kind: "ed25519" as const, publicKey: name, signature: name });

  test("is one object until it cannot be completed any more", () => {
    const first = { object: { authorization: at(NOW) }, key: owner.account, proof: proof("a") };
    expect(keepPart(store, digest, first, NOW)).toMatchObject({ ok: true });
    const other = { object: { authorization: at(NOW + 1) }, key: stranger.account, proof: proof("b") };
    expect(keepPart(store, digest, other, NOW + 1)).toEqual({ ok: false, code: "other" });
    expect(keepPart(store, digest, { ...other, object: first.object }, NOW + MAX_APPROVAL_AGE_SECONDS)).toMatchObject({
      ok: true,
      proofs: { [owner.account]: proof("a"), [stranger.account]: proof("b") },
    });
    const late = NOW + MAX_APPROVAL_AGE_SECONDS + 1;
    expect(partOf(store, digest, late)).toBeUndefined();
    expect(keepPart(store, digest, { ...other, object: { authorization: at(late) } }, late)).toEqual({
      ok: true,
      proofs: { [stranger.account]: proof("b") },
    });
  });

  test("of version 2, when every part was of a payment, is read by this one [desk-part-migrates]", () => {
    const old: DeskStore = { ...memoryStore(), size: () => 0 };
    migrate(old, DESK_STEPS.slice(0, 2));
    const proofs = { [owner.account]: proof("a") };
    const values = [JSON.stringify(at(NOW)), NOW, NOW + 900, JSON.stringify(proofs)];
    old.sql("INSERT INTO part (request, authorization, valid_after, valid_before, proofs) VALUES (?, ?, ?, ?, ?)", digest, ...values);
    migrateDesk(old);
    expect(partOf(old, digest, NOW)).toEqual({ object: { authorization: at(NOW) }, proofs });
    const second = { object: { authorization: at(NOW) }, key: stranger.account, proof: proof("b") };
    expect(keepPart(old, digest, second, NOW)).toMatchObject({ ok: true });
  });

  test("is whole with exactly as many proofs as the policy asks for, in its order", () => {
    const policy = policyOf(2, owner, stranger, agent);
    const [first = "", second = "", third = ""] = policy.keys;
    expect(wholeProofs(policy, { [third]: proof("3") })).toBeUndefined();
    expect(wholeProofs(policy, { [third]: proof("3"), [first]: proof("1"), [second]: proof("2") })).toEqual([proof("1"), proof("2")]);
  });
});

describe("logins", () => {
  const KEY = new Uint8Array(32).fill(7);

  test("a nonce counts for its account, its object and five minutes, and is stored nowhere [desk-nonce]", () => {
    const nonce = makeNonce(KEY, owner.account, NOW);
    const own = (changes: { key?: Uint8Array; account?: string; now?: number; nonce?: Digest } = {}) =>
      isOwnNonce(changes.key ?? KEY, changes.account ?? owner.account, changes.nonce ?? nonce, changes.now ?? NOW);
    expect([own(), own({ now: NOW + DESK_PROOF_SECONDS })]).toEqual([true, true]);
    expect(own({ now: NOW + DESK_PROOF_SECONDS + 1 })).toBe(false);
    expect(own({ now: NOW - 1 })).toBe(false);
    expect(own({ account: stranger.account })).toBe(false);
    expect(own({ key: new Uint8Array(32) })).toBe(false);
    for (let i = 0; i < 64; i++) {
      const changed = nonce.slice(0, i) + (nonce[i] === "0" ? "1" : "0") + nonce.slice(i + 1);
      expect(own({ nonce: changed as Digest }), String(i)).toBe(false);
    }
  });

  test("a nonce is used up once, by its kind", () => {
    expect(useOnce(store, "call", OTHER, NOW)).toBe(true);
    expect(useOnce(store, "call", OTHER, NOW)).toBe(false);
    expect(useOnce(store, "setting", OTHER, NOW)).toBe(true);
    sweep(store, NOW + 1);
    expect(useOnce(store, "call", OTHER, NOW)).toBe(true);
  });

  test("a token lets in for an hour, and its text is not stored [desk-token-hash]", () => {
    const { token } = openLogin(store, NOW);
    expect([isSignedIn(store, token, NOW + DESK_LOGIN_SECONDS), isSignedIn(store, token, NOW + DESK_LOGIN_SECONDS + 1)]).toEqual([
      true,
      false,
    ]);
    expect(JSON.stringify(store.sql("SELECT * FROM login"))).not.toContain(token);
    closeLogin(store, token);
    expect(isSignedIn(store, token, NOW)).toBe(false);
  });

  test("the oldest login makes room", () => {
    const first = openLogin(store, NOW).token;
    const others = Array.from({ length: MAX_DESK_LOGINS }, (_, i) => openLogin(store, NOW + i).token);
    expect(isSignedIn(store, first, NOW)).toBe(false);
    expect(others.every((token) => isSignedIn(store, token, NOW))).toBe(true);
  });
});

describe("agents", () => {
  test("a flood is one line with a number, until a day without one", () => {
    pairAgent(store, agent.publicKey, "Research", NOW);
    for (let i = 0; i < 480; i++) noteFolded(store, agent.publicKey, NOW + i);
    const line = { agentKey: agent.publicKey, name: "Research", requests: 480 };
    expect(foldedLines(store, NOW + 479)).toMatchObject([line]);
    expect(foldedLines(store, NOW + 479 + DESK_FOLD_SECONDS + 1)).toEqual([]);
    noteFolded(store, agent.publicKey, NOW + 479 + DESK_FOLD_SECONDS + 1);
    expect(foldedLines(store, NOW + 479 + DESK_FOLD_SECONDS + 1)).toMatchObject([{ ...line, requests: 1 }]);
  });

  test("an agent that is paired again keeps its place, and takes the new name", () => {
    pairAgent(store, agent.publicKey, "Research", NOW);
    pairAgent(store, agent.publicKey, "Reader", NOW + 5);
    expect(pairedAgents(store)).toMatchObject([{ name: "Reader", paired_at: NOW }]);
    expect([unpairAgent(store, agent.publicKey), unpairAgent(store, agent.publicKey)]).toEqual([true, false]);
  });
});

test("an object that keeps nothing but old logins ends, and one with keys does not [desk-empty-object]", () => {
  openLogin(store, NOW);
  note(store, NOW, "signed_in");
  expect(sweep(store, NOW)).toBeGreaterThan(NOW);
  expect(sweep(store, NOW + DESK_LOGIN_SECONDS + 1)).toBeUndefined();
  putDeskSetting(store, "keys", "{}");
  expect(sweep(store, NOW + DESK_LOGIN_SECONDS + 1)).toBeGreaterThan(NOW);
  expect(journal(store)).toMatchObject([{ event: "signed_in", at: NOW, facts: {} }]);
});
