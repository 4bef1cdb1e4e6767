/** What one account may ask of a desk and keep there: each limit at its last good value, and at the next. */

import { beforeEach, describe, expect, test, vi } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import {
  DESK_FETCH_SECONDS,
  DESK_PAGE,
  DESK_RATE_SECONDS,
  DESK_SWEEP_BATCH,
  MAX_AGENT_CALLS_PER_MINUTE,
  MAX_AGENT_WAITS,
  MAX_DESK_ANSWER_BYTES,
  MAX_DESK_BYTES,
  MAX_DESK_LOOKUPS,
  MAX_DESK_MANDATES,
  MAX_DESK_PASSKEYS,
  MAX_DESK_WAITS,
  MAX_SETTING_LENGTH,
  MAX_WAITING_REQUESTS,
} from "../../shared/limits.ts";
import { deskSettingSchema } from "../../shared/protocol/desk.ts";
import { mandateDigest, signMandate } from "../../shared/protocol/mandate.ts";
import { requestDigest } from "../../shared/protocol/payment-request.ts";
import { checkShape } from "../../shared/text/json.ts";
import { agent, LEDGER, MANDATE, NOW, owner, paymentRequest, stranger } from "../../test/fixtures.ts";
import { admit, answerAgent, type CallCounts } from "./agent-calls.ts";
import { pairAgent } from "./agents.ts";
import type { DeskContext } from "./desk-context.ts";
import type { DeskEnv } from "./env.ts";
import { FacilitatorClient } from "./facilitator.ts";
import { grantObstacle, keepGrant } from "./grants.ts";
import { journal, note } from "./journal.ts";
import { keyRecordSchema } from "./keys.ts";
import { SESSION_CALLS } from "./page-calls.ts";
import type { DeskStore } from "./store.ts";
import { sweep } from "./sweep.ts";
import { memoryDesk, memoryTables } from "./testing/memory-desk.ts";

const request = await paymentRequest();
const digest = requestDigest(request);
const idOf = (n: number) => n.toString(16).padStart(64, "0") as Digest;

let store: DeskStore;
let bytes: number;
let asked: string[];
let desk: DeskContext;
beforeEach(() => {
  vi.useFakeTimers({ now: NOW * 1000, toFake: ["Date"] });
  [bytes, asked] = [0, []];
  store = memoryTables(() => bytes);
  pairAgent(store, agent.publicKey, "Research agent", NOW);
  desk = memoryDesk(store, owner.account, async (url) => (asked.push(url), new Response("{}")));
  return () => vi.useRealTimers();
});

/** Requests that are not read: each is good enough to be counted and listed. */
function keepRequests(many: number, state = "pending", agentKey = stranger.publicKey): void {
  for (let n = 0; n < many; n++)
    store.sql(
      "INSERT INTO request (digest, agent_key, state, request, asked_at, expires_at, decided_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
      idOf(n),
      agentKey,
      state,
      JSON.stringify(request),
      NOW - DESK_RATE_SECONDS,
      NOW + 3600,
      NOW,
    );
}

const caller = { publicKey: agent.publicKey, nonce: idOf(0), at: NOW };
const ask = () => answerAgent(desk, caller, { kind: "ask", ask: { request } });

describe("a request is not taken", () => {
  test("beside so many that wait already [desk-waiting-limit]", async () => {
    keepRequests(MAX_WAITING_REQUESTS);
    expect(await ask()).toMatchObject({ ok: false, error: { code: "desk_full" }, retryAfter: DESK_RATE_SECONDS });
    store.sql("UPDATE request SET state = 'declined' WHERE digest = ?", idOf(0));
    expect(await ask()).toMatchObject({ ok: true, data: { state: "pending", requestDigest: digest } });
    // The same one is no other.
    expect(await ask()).toMatchObject({ ok: true });
  });

  test("by an account that takes so much, and no receipt is [desk-bytes-limit]", async () => {
    bytes = MAX_DESK_BYTES;
    expect(await ask()).toMatchObject({ ok: false, error: { code: "desk_full" }, retryAfter: DESK_RATE_SECONDS });
    bytes--;
    expect(await ask()).toMatchObject({ ok: true });
    store.sql("UPDATE request SET state = 'approved', payment = '{}'");
    const handIn = () => answerAgent(desk, caller, { kind: "receipt", digest, handed: { transaction: idOf(1) } });
    bytes++;
    expect(await handIn()).toMatchObject({ error: { code: "desk_full" } });
    bytes--;
    expect(await handIn()).toMatchObject({ ok: true });
  });
});

describe("calls of agents", () => {
  test("are counted for each key and minute [desk-call-limit]", () => {
    const counts: CallCounts = new Map();
    pairAgent(store, stranger.publicKey, "Other agent", NOW);
    const call = (n: number, publicKey = agent.publicKey, now = NOW) => admit(store, { publicKey, nonce: idOf(n), at: now }, counts, now);
    for (let n = 0; n < MAX_AGENT_CALLS_PER_MINUTE; n++) expect(call(n)).toBeUndefined();
    const late = call(MAX_AGENT_CALLS_PER_MINUTE);
    expect([late?.error.code, late?.retryAfter]).toEqual(["rate_limited", 60 - (NOW % 60)]);
    expect(call(1_000_000, stranger.publicKey)).toBeUndefined();
    expect(call(1_000_001, agent.publicKey, NOW + (late?.retryAfter ?? 0))).toBeUndefined();
  });

  test("wait in such a number for one key, and for all; the next is told to ask again [desk-wait-limit]", async () => {
    const { waiters } = desk;
    const waits: Promise<void>[] = [];
    const keys = Array.from({ length: MAX_DESK_WAITS / MAX_AGENT_WAITS }, (_, n) => String(n));
    for (const key of keys) {
      for (let n = 0; n < MAX_AGENT_WAITS; n++) waits.push(waiters.wait(digest, key, 25) ?? Promise.reject(new Error(key)));
      expect(waiters.wait(digest, key, 25)).toBeUndefined();
    }
    expect(waiters.wait(digest, agent.publicKey, 25)).toBeUndefined();
    await ask();
    expect(await answerAgent(desk, caller, { kind: "look", digest, wait: 25 })).toMatchObject({
      error: { code: "rate_limited" },
      retryAfter: 25,
    });
    waiters.wake(digest);
    await Promise.all(waits);
    const again = waiters.wait(digest, agent.publicKey, 25);
    expect(again).toBeDefined();
    waiters.endAllOf(agent.publicKey);
    await again;
  });
});

describe("allowances", () => {
  async function grant(many: number): Promise<void> {
    for (let n = 0; n < many; n++) {
      const salt = idOf(n);
      const mandate = { ...MANDATE, ledger: LEDGER, agent: agent.publicKey, from: owner.account, salt, validBefore: String(NOW + 3600) };
      keepGrant(store, n === 0 ? await signMandate(mandate, owner) : { mandate, publicKey: owner.publicKey, signature: "00".repeat(64) });
    }
  }

  test("are open in such a number; one that is revoked makes room [desk-mandate-limit]", async () => {
    await grant(MAX_DESK_MANDATES);
    const wanted = { ...MANDATE, agent: agent.publicKey, validBefore: String(NOW + 3600) };
    expect(grantObstacle(store, wanted, NOW)?.error).toMatchObject({ code: "desk_full", hint: "Revoke one first." });
    store.sql("UPDATE mandate SET revoked_at = ? WHERE seq = 1", NOW);
    expect(grantObstacle(store, wanted, NOW)).toBeUndefined();
  });

  test("are asked about at the ledger in such a number; of more a page says how many [desk-lookup-limit]", async () => {
    await grant(MAX_DESK_LOOKUPS + 3);
    const told = await SESSION_CALLS.mandates(desk, { all: true });
    if (!told.ok) throw new Error(told.error.message);
    expect([told.data.mandates.length, told.data.more, asked.length]).toEqual([MAX_DESK_LOOKUPS, 3, MAX_DESK_LOOKUPS]);
    expect(new Set(asked).size).toBe(MAX_DESK_LOOKUPS);
    expect(told.data.mandates.map(({ mandate }) => mandate)).not.toContain(
      mandateDigest({
        ...MANDATE,
        ledger: LEDGER,
        agent: agent.publicKey,
        from: owner.account,
        salt: idOf(0),
        validBefore: String(NOW + 3600),
      }),
    );
  });
});

describe("lists", () => {
  test("of what waits come page by page, each request once", async () => {
    keepRequests(2 * DESK_PAGE + 1);
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let cursor: string | undefined; sizes.length < 4;) {
      const told = await SESSION_CALLS.requests(desk, { all: false, ...(cursor !== undefined && { cursor }) });
      if (!told.ok) throw new Error(told.error.message);
      sizes.push(told.data.requests.length);
      seen.push(...told.data.requests.map(({ requestDigest }) => requestDigest));
      cursor = told.data.nextCursor;
      if (cursor === undefined) break;
    }
    expect([sizes, new Set(seen).size]).toEqual([[DESK_PAGE, DESK_PAGE, 1], 2 * DESK_PAGE + 1]);
  });

  test("of everything ask the ledger about so many approvals that are not settled", async () => {
    keepRequests(MAX_DESK_LOOKUPS + 5, "approved");
    store.sql("UPDATE request SET payment = '{}', valid_before = ?", NOW + 900);
    await SESSION_CALLS.requests(desk, { all: true });
    expect(asked).toHaveLength(MAX_DESK_LOOKUPS);
  });
});

describe("what is kept", () => {
  test("goes in batches: the next alarm rings at once", () => {
    for (let n = 0; n < DESK_SWEEP_BATCH + 1; n++) note(store, 0, "signed_in");
    expect([sweep(store, NOW), journal(store).length]).toEqual([NOW, 1]);
    expect([sweep(store, NOW), journal(store).length]).toEqual([NOW + 6 * 3600, 0]);
  });

  const passkey = { credentialId: "AAAA", publicKey: "02".repeat(33), rpId: "desk.example", label: "Phone" };
  test.each([
    [
      "passkeys",
      { account: owner.account, passkeys: Array.from({ length: MAX_DESK_PASSKEYS + 1 }, () => passkey) },
      `at most ${MAX_DESK_PASSKEYS} entries`,
    ],
    [
      "a credential id",
      { account: owner.account, passkeys: [{ ...passkey, credentialId: "A".repeat(1404) }] },
      "must have at most 1400 characters",
    ],
    ["a domain", { account: owner.account, passkeys: [{ ...passkey, rpId: "x".repeat(254) }] }, "must have at most 253 characters"],
  ])("has a size: %s", (_, record, words) => {
    const read = checkShape(record, keyRecordSchema);
    expect(read.ok ? "" : read.problem).toContain(words);
  });

  test("has a size: a setting [desk-setting-limit]", () => {
    const setting = { version: "1", desk: desk.origin, account: owner.account, setting: "keys.set", issuedAt: String(NOW), nonce: idOf(1) };
    const problem = (size: number) => {
      const read = checkShape({ ...setting, value: "x".repeat(size) }, deskSettingSchema);
      return read.ok ? "" : read.problem;
    };
    expect([problem(MAX_SETTING_LENGTH), problem(MAX_SETTING_LENGTH + 1)]).toEqual([
      "",
      `value: must have at most ${MAX_SETTING_LENGTH} characters`,
    ]);
  });
});

describe("the facilitator's answer", () => {
  const from = (fetch: (url: string, init: RequestInit) => Promise<Response>) =>
    new FacilitatorClient({ FACILITATOR: { fetch } as unknown as Fetcher } as DeskEnv);

  test("is read up to a size [desk-answer-limit]", async () => {
    const answer = (size: number) => from(async () => new Response(JSON.stringify({ balance: "1", held: "0" }).padEnd(size)));
    expect(await answer(MAX_DESK_ANSWER_BYTES).balance(owner.account)).toMatchObject({ ok: true });
    expect(await answer(MAX_DESK_ANSWER_BYTES + 1).balance(owner.account)).toEqual({
      ok: false,
      why: "the facilitator's answer is too large",
    });
  });

  test("is awaited for so long, and no redirect is followed [desk-fetch-limit]", async () => {
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort());
    const hangs = from(async (_, { signal, redirect }) => {
      expect(redirect).toBe("manual");
      signal?.throwIfAborted();
      return new Promise<never>(() => undefined);
    });
    expect(await hangs.balance(owner.account)).toEqual({ ok: false, why: "the facilitator does not answer" });
    expect(timeout.mock.calls).toEqual([[DESK_FETCH_SECONDS * 1000]]);
    timeout.mockRestore();
  });
});
