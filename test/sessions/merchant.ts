/** A merchant's app that sells by session, in this process: a ledger of sessions in memory, objects that can start anew, and isolates. */

import { type Handler, Hono } from "hono";
import { verifyClaim } from "../../shared/batch-settlement/claim.ts";
import { verifyDeposit } from "../../shared/batch-settlement/deposit.ts";
import { verifyWithdrawal } from "../../shared/batch-settlement/withdrawal.ts";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest, type Digest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_RECEIPT_KEY } from "../../shared/demo.ts";
import { BATCH_SETTLEMENT, NETWORK, SCHEME, X402_VERSION } from "../../shared/lez.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { Session } from "../../shared/protocol/session.ts";
import { generateSecretKey, keySigner } from "../../shared/protocol/signer.ts";
import type { SessionStanding } from "../../shared/settlement/backend.ts";
import { unixNow } from "../../shared/time.ts";
import { paywall, type PaywallEnv, type PaywallOptions } from "../../workers/merchant/paywall/index.ts";
import { provideAcceptor } from "../../workers/merchant/paywall/session-acceptor.ts";
import { SessionAcceptor } from "../../workers/merchant/paywall/sessions/acceptor.ts";
import type { LaneRow, OwnRow } from "../../workers/merchant/paywall/sessions/book.ts";
import { claimant } from "../../workers/merchant/paywall/sessions/claim.ts";
import { sessionFacilitatorOf } from "../../workers/merchant/paywall/sessions/facilitator.ts";
import type { HeldVoucher } from "../../workers/merchant/paywall/sessions/held-voucher.ts";
import { receiverKeys } from "../../workers/merchant/paywall/sessions/receiver-key.ts";
import type { SessionsRpc } from "../../workers/merchant/paywall/sessions/rpc.ts";
import { type ObjectStore, SessionObject, type SessionRecord } from "../../workers/merchant/paywall/sessions/session-object.ts";
import { tellClaim } from "../../workers/merchant/paywall/sessions/tell-claim.ts";
import type { FacilitatorRpc, SessionRpc } from "../../workers/merchant/paywall/types.ts";
import { SessionClient } from "./client.ts";

export const ORIGIN = "https://shop.example";
export const LEDGER = "0b".repeat(32) as Digest;
const PRICE = "10";

/** The rows of one object, which outlive it. */
class Rows implements ObjectStore {
  record: SessionRecord | undefined;
  ownRow: OwnRow<HeldVoucher> | undefined;
  readonly laneRows = new Map<string, LaneRow<HeldVoucher>>();
  session = () => this.record;
  /** As the platform counts them: each statement of the object's tables writes one. */
  written = 0;
  putSession = (record: SessionRecord) => void (this.written++, (this.record = record));
  own = () => this.ownRow;
  putOwn = (row: OwnRow<HeldVoucher>) => void (this.written++, (this.ownRow = row));
  lanes = () => this.laneRows.values();
  putLane = (row: LaneRow<HeldVoucher>) => void (this.written++, this.laneRows.set(row.id, row));
  deleteLane = (id: string) => void this.laneRows.delete(id);
  deleteAll = async () => {
    this.record = undefined;
    this.ownRow = undefined;
    this.laneRows.clear();
  };
}

/** Which merchants do not read. */
const NO_LANES = { lanes: [], laneCount: 0, claims: [], claimCount: 0 };

/** A ledger that keeps sessions and nothing else: as much of spec/state-table.md as a merchant sees. */
function ledgerOfSessions() {
  const sessions = new Map<string, { standing: SessionStanding; config: string; lanes: Map<string, bigint> }>();
  const clock = { skew: 0 };
  const now = () => unixNow() + clock.skew;
  const rpc: SessionRpc = {
    async open(deposit) {
      const { paymentPayload, paymentRequirements } = structuredClone(deposit);
      const verified = await verifyDeposit(paymentPayload, paymentRequirements, { now: now(), ledger: LEDGER });
      if (!verified.ok) return verified;
      const { id, payer, config, deposit: amount, expiresAt, withdrawDelay } = verified.session;
      const known = sessions.get(id);
      if (known) return { ok: true, session: { ...known.standing, at: now() } };
      const closesAt = expiresAt + withdrawDelay;
      const standing: SessionStanding = { id, payer, status: "open", deposit: amount, claimed: "0", expiresAt, closesAt, at: now() };
      sessions.set(id, { standing, config, lanes: new Map() });
      return { ok: true, session: standing };
    },
    async session({ id }) {
      const known = sessions.get(id);
      return known ? { ...known.standing, config: known.config, ...NO_LANES, at: now() } : { status: "unknown", at: now() };
    },
    async claim(payload) {
      const verified = await verifyClaim(structuredClone(payload), LEDGER);
      if (!verified.ok) return verified;
      const { id, lanes, final } = verified.claim;
      const known = sessions.get(id);
      if (!known) return { ok: false, code: "session_unknown" };
      if (known.standing.status === "closed" && !final) return { ok: false, code: "session_closed" };
      const before = BigInt(known.standing.claimed);
      for (const { lane, amount } of lanes) if (BigInt(amount) > (known.lanes.get(lane) ?? 0n)) known.lanes.set(lane, BigInt(amount));
      const claimed = [...known.lanes.values()].reduce((sum, amount) => sum + amount, 0n);
      if (claimed > BigInt(known.standing.deposit)) return { ok: false, code: "session_exhausted" };
      known.standing = { ...known.standing, claimed: String(claimed), at: now(), ...(final && { status: "closed", closesAt: now() }) };
      const value = String(claimed - before) as Amount;
      const paid = claimed > before && { transaction: bodyDigest(utf8(`${id} ${claimed}`)) };
      return { ok: true, payee: DEMO_MERCHANT_ACCOUNT, value, ...paid, session: known.standing };
    },
    async withdraw(record) {
      const known = sessions.get(record.withdrawal.session);
      if (!known) return { ok: false, code: "session_unknown" };
      const verified = await verifyWithdrawal(record, JSON.parse(known.config) as Session, { now: now(), ledger: LEDGER });
      if (!verified.ok) return verified;
      known.standing = { ...known.standing, status: "closing", withdrawRequestedAt: now(), closesAt: now() + 900, at: now() };
      return { ok: true, session: known.standing };
    },
  };
  return {
    rpc,
    clock,
    claimed: (id: string) => BigInt(sessions.get(id)?.standing.claimed ?? 0),
    standing: (id: string) => sessions.get(id)?.standing,
  };
}

/** @param deployment two of them have two keys, whatever their secret */
export function createMerchant(deployment = "one") {
  const ledger = ledgerOfSessions();
  const calls: string[] = [];
  const counted = Object.fromEntries(
    Object.entries(ledger.rpc).map(([name, method]) => [
      name,
      (...args: unknown[]) => (calls.push(name), (method as (...args: unknown[]) => unknown)(...args)),
    ]),
  ) as unknown as SessionRpc;
  const rows = new Map<string, Rows>();
  const objects = new Map<string, SessionObject>();
  const alarms = new Map<string, number>();
  const objectCalls: string[] = [];
  const older = { objects: false };
  const objectOf = (name: string) => {
    const store = rows.get(name) ?? new Rows();
    rows.set(name, store);
    const known = objects.get(name);
    if (known) return known;
    const object = new SessionObject({
      store,
      name,
      claimant: claimant(
        sessionFacilitatorOf(env) ?? {},
        (origin) => receiverKeys(env, env.SESSIONS, origin),
        (paid) => void tellClaim(env, paid),
      ),
      now: () => Date.now(),
      ringBy: (at) => void alarms.set(name, Math.min(at, alarms.get(name) ?? Infinity)),
      ringAt: async (at) => void alarms.set(name, at),
      later: (millis, body) => void setTimeout(body, millis),
    });
    objects.set(name, object);
    return object;
  };
  const SESSIONS = {
    idFromName: (name: string) => `${deployment}/${name}`,
    /** As over RPC: what is passed is copied. */
    getByName: (name: string): SessionsRpc =>
      new Proxy({} as SessionsRpc, {
        get:
          (_target, method: string) =>
          async (...args: unknown[]) => {
            objectCalls.push(method);
            if (method === "canOpen") return true;
            const object = objectOf(name) as unknown as Record<string, (...args: unknown[]) => unknown>;
            const sent = structuredClone(args) as Record<string, unknown>[];
            if (older.objects) delete sent[0]?.["finished"];
            const answer = structuredClone(await object[method]?.(...sent)) as Record<string, unknown> | undefined;
            if (older.objects) delete answer?.["heard"];
            return answer;
          },
      }),
  };
  const kinds = [SCHEME, BATCH_SETTLEMENT].map((scheme) => ({
    x402Version: X402_VERSION,
    scheme,
    network: NETWORK,
    extra: { ledger: LEDGER },
  }));
  const FACILITATOR = { ...counted, supported: async () => ({ kinds, extensions: [], signers: {} }) } as unknown as FacilitatorRpc;
  const env = { FACILITATOR, SESSIONS, RECEIPT_KEY: DEMO_RECEIPT_KEY, PAY_TO: DEMO_MERCHANT_ACCOUNT as string, PUBLIC_ORIGIN: ORIGIN };

  return {
    env,
    ledger,
    /** Calls of the facilitator about sessions, and of objects, by name. */
    calls,
    objectCalls,
    /** Whether its objects are of a version that is not told of finished calls by the next one. */
    older,
    alarms,
    rows,
    /** An object starts anew on what its disk has. */
    restart: (id: string) => objects.delete(id),
    ring: (id: string) => objectOf(id).alarm(),

    /** An isolate of the Worker: it shares objects and facilitator with the others, and nothing else. */
    async isolate(handler: Handler<PaywallEnv>, options: Partial<PaywallOptions> = {}) {
      provideAcceptor(new SessionAcceptor());
      const app = new Hono<PaywallEnv>();
      app.all("/item/*", paywall({ amount: PRICE, session: true, ...options }), handler);
      const send = async (path: string, init: RequestInit) => app.request(`${ORIGIN}${path}`, init, env);
      await send("/item/1", {}); // a route keeps the acceptor of its isolate
      return send;
    },
  };
}

export async function createClient(send: (path: string, init: RequestInit) => Promise<Response>): Promise<SessionClient> {
  const [owner, agent] = await Promise.all([keySigner(generateSecretKey()), keySigner(generateSecretKey())]);
  return new SessionClient(send, "/item/1", { owner, agent });
}
