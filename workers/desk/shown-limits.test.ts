/** What a desk shows and does at once, and how long a proposal waits: each limit at its last good value, and at the next. */

import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import {
  CLOCK_SKEW_SECONDS,
  DESK_PROPOSAL_SECONDS,
  MAX_DESK_HISTORY,
  MAX_DESK_MANDATES_SHOWN,
  MAX_DESK_PAST_DECISIONS,
  MAX_DESK_TOLD,
} from "../../shared/limits.ts";
import { type Mandate, mandateDigest, signMandate } from "../../shared/protocol/mandate.ts";
import { requestDigest } from "../../shared/protocol/payment-request.ts";
import { newPolicy } from "../../shared/protocol/policy.ts";
import { agent, MANDATE, NOW, owner, paymentRequest, stranger } from "../../test/fixtures.ts";
import { pairAgent } from "./agents.ts";
import { tellUntold } from "./decisions.ts";
import { keepGrant } from "./grants.ts";
import { historyOf } from "./history.ts";
import { grantPart, openProposals } from "./proposals.ts";
import { read } from "./reading.ts";
import { keepRequest, pastDecisions, untoldRequests } from "./requests.ts";
import type { DeskStore } from "./store.ts";
import { sweep } from "./sweep.ts";
import { memoryDesk, memoryTables } from "./testing/memory-desk.ts";

const request = await paymentRequest();
const idOf = (n: number) => n.toString(16).padStart(64, "0") as Digest;

let store: DeskStore;
let told: unknown[];
beforeEach(() => {
  vi.useFakeTimers({ now: NOW * 1000, toFake: ["Date"] });
  [store, told] = [memoryTables(), []];
  pairAgent(store, agent.publicKey, "Research agent", NOW);
  return () => vi.useRealTimers();
});

const deskOf = (account = owner.account) =>
  memoryDesk(store, account, async (_, init) => {
    if (typeof init?.body === "string") told.push(JSON.parse(init.body));
    return new Response("{}", { status: 503 });
  });

/** Decided one after another, a second apart. */
function decided(many: number, columns: Record<string, string | number>): void {
  for (let n = 0; n < many; n++) {
    const row = { digest: idOf(n), agent_key: agent.publicKey, request: JSON.stringify(request), asked_at: NOW, expires_at: NOW };
    const values = { ...row, decided_at: NOW - many + n, ...columns };
    const names = Object.keys(values);
    store.sql(`INSERT INTO request (${names.join()}) VALUES (${names.map(() => "?").join()})`, ...Object.values(values));
  }
}

describe("a proposed allowance", () => {
  const made = newPolicy(2, [owner.account, stranger.account]);
  if (!made.ok) throw new Error(made.problem);
  const { policy, account } = made;
  const propose = async (changes: Partial<Mandate>) => {
    const mandate = { ...MANDATE, from: account, grantedAt: String(NOW), ...changes };
    const signature = await owner.sign(mandateDigest(mandate));
    return grantPart(deskOf(account), { mandate, policy, proof: { kind: "ed25519", publicKey: owner.publicKey, signature } });
  };

  test("waits a day for the other keys, and is deleted then [desk-proposal-ends]", async () => {
    expect(await propose({ validBefore: String(NOW + 10 * DESK_PROPOSAL_SECONDS) })).toMatchObject({ ok: true, data: { missing: 1 } });
    const ends = NOW + DESK_PROPOSAL_SECONDS;
    sweep(store, ends);
    expect(openProposals(store, ends)).toMatchObject([{ endsAt: ends }]);
    expect(openProposals(store, ends + 1)).toEqual([]);
    sweep(store, ends + 1);
    expect(store.sql("SELECT 1 FROM proposal")).toEqual([]);
  });

  test("that would be over sooner waits until then", async () => {
    await propose({ validBefore: String(NOW + 60) });
    expect(openProposals(store, NOW + 60)).toHaveLength(1);
    expect(openProposals(store, NOW + 61)).toEqual([]);
  });
});

test("one alarm tells the ledger of so many revocations; refused or not, the next tells the others [desk-told-limit]", async () => {
  revoked(MAX_DESK_TOLD + 1, NOW + 900);
  await tellUntold(deskOf(), NOW);
  expect(told).toEqual(Array.from({ length: MAX_DESK_TOLD }, (_, n) => ({ n })));
  told = [];
  await tellUntold(deskOf(), NOW + 60);
  expect(told).toEqual([{ n: MAX_DESK_TOLD }, ...Array.from({ length: MAX_DESK_TOLD - 1 }, (_, n) => ({ n }))]);
});

test("the ledger is told of no revocation once the payment's time is over: it would not pay it [desk-told-in-time]", async () => {
  revoked(2, NOW);
  await tellUntold(deskOf(), NOW + CLOCK_SKEW_SECONDS);
  expect(told).toHaveLength(2);
  await tellUntold(deskOf(), NOW + CLOCK_SKEW_SECONDS + 1);
  expect(told).toHaveLength(2);
  expect(untoldRequests(store, 1, NOW + CLOCK_SKEW_SECONDS + 1)).toEqual([]);
});

/** Revocations that the ledger does not know of. @param validBefore of the payments that they take back */
function revoked(many: number, validBefore: number): void {
  decided(many, { state: "revoked", untold: "it was not asked yet", valid_before: validBefore });
  for (let n = 0; n < many; n++) store.sql("UPDATE request SET decision = ? WHERE digest = ?", JSON.stringify({ n }), idOf(n));
}

test("the history lists so many payments, the newest first, says how many more there are, and sums all [desk-history-limit]", () => {
  decided(MAX_DESK_HISTORY + 3, { state: "approved", payment: "{}", outcome: "paid", charged: "1" });
  const shown = historyOf(deskOf(), { days: 30 }, NOW);
  if (!shown.ok) throw new Error(shown.error.message);
  const { list, more, payments, total } = shown.data;
  expect([list.length, more, payments, total.amount]).toEqual([MAX_DESK_HISTORY, 3, MAX_DESK_HISTORY + 3, String(MAX_DESK_HISTORY + 3)]);
  expect(Date.parse(list[0]?.at ?? "")).toBe((NOW - 1) * 1000);
});

test("warnings are made from so many decisions, the newest [desk-past-limit]", () => {
  decided(MAX_DESK_PAST_DECISIONS + 2, { state: "declined" });
  const past = pastDecisions(store, owner.account);
  expect([past.length, past[0]?.requestDigest, past.at(-1)?.requestDigest]).toEqual([
    MAX_DESK_PAST_DECISIONS,
    idOf(2),
    idOf(MAX_DESK_PAST_DECISIONS + 1),
  ]);
});

test("beside a request are so many open allowances of its agent, the newest [desk-mandates-shown]", async () => {
  const digest = requestDigest(request);
  keepRequest(store, { digest, request, terms: undefined }, NOW);
  const granted = await Promise.all(
    Array.from({ length: MAX_DESK_MANDATES_SHOWN + 1 }, (_, n) => signMandate({ ...MANDATE, salt: idOf(n) }, owner)),
  );
  for (const signed of granted) keepGrant(store, signed);
  const seen = await read(deskOf(), { request: digest });
  if (!seen.ok) throw new Error(seen.error.message);
  const salts = seen.data.view.mandates.map(({ mandate }) => mandate.salt);
  expect(salts).toEqual(
    granted
      .slice(1)
      .map(({ mandate }) => mandate.salt)
      .toReversed(),
  );
});
