/** The measured paths: which request goes where, and the expected answer. */

import type { PaymentRequirements } from "../shared/x402/x402.ts";
import type { Expected } from "./load.ts";
import {
  type Delegate,
  delegatedGet,
  facilitatorPost,
  get,
  ledgerPost,
  newDelegate,
  offerOf,
  offerOn,
  paidGet,
  type Payer,
} from "./payments.ts";
import { BenchSession } from "./session.ts";
import type { Site, SiteName } from "./sites.ts";

export interface Path {
  name: string;
  what: string;
  site: SiteName;
  expected: Expected;
  /** True when every expected answer is a payment on record. */
  pays: boolean;
  /** Makes distinct requests from the offer. Absent: always `GET /item`. */
  prepare?: (site: Site, payers: readonly Payer[]) => Promise<(payer: Payer) => string>;
}

const GOODS: Expected = { status: 200, body: "goods" };
/** With a session each. */
const SESSIONS = 32;
const SETTLED: Expected = { status: 200, body: '"success":true' };

export const PATHS: readonly Path[] = [
  { name: "bare", what: "bare Hono: the limit of a challenge", site: "bare", expected: GOODS, pays: false },
  {
    name: "middleware",
    what: "Hono with one middleware in front of a handler: it answers as a challenge does, with a constant",
    site: "bare",
    expected: { status: 402 },
    pays: false,
    prepare: unpaid("/refused"),
  },
  { name: "402-ours", what: "our challenge", site: "ours", expected: { status: 402 }, pays: false },
  { name: "402-official", what: "the official middleware's challenge", site: "official", expected: { status: 402 }, pays: false },
  {
    name: "A",
    what: "merchant → facilitator → object, one INSERT: the limit of a durable payment",
    site: "insert",
    expected: GOODS,
    pays: true,
  },
  { name: "upfront", what: "ours: settled, then served", site: "ours", expected: GOODS, pays: true, prepare: paid("/upfront") },
  {
    name: "upfront-mandate",
    what: "the same, signed by an agent under a mandate: one more signature to verify, and its limits to count",
    site: "ours",
    expected: GOODS,
    pays: true,
    prepare: delegated("/upfront"),
  },
  {
    name: "session",
    what: "ours: a voucher of a session, accepted in the isolate that got the request",
    site: "bySession",
    expected: GOODS,
    pays: false,
    prepare: voucher("/item", "isolate"),
  },
  {
    name: "session-object",
    what: "the same, accepted in the merchant's object",
    site: "bySession",
    expected: GOODS,
    pays: false,
    prepare: voucher("/item", "object"),
  },
  { name: "authorization", what: "ours: held, served, captured", site: "ours", expected: GOODS, pays: true, prepare: paid("/item") },
  {
    name: "F",
    what: "official, paid, verified twice in its own process, nothing stored",
    site: "official",
    expected: GOODS,
    pays: true,
    prepare: paid("/item"),
  },
  {
    name: "official-on-ours",
    what: "official merchant, our facilitator over HTTP",
    site: "officialOnOurs",
    expected: GOODS,
    pays: true,
    prepare: paid("/item"),
  },
  {
    name: "official-on-memory",
    what: "official merchant, official facilitator over HTTP, in memory",
    site: "officialOnMemory",
    expected: GOODS,
    pays: true,
    prepare: paid("/item"),
  },
  {
    name: "verify",
    what: "`POST /verify` of our facilitator",
    site: "facilitator",
    expected: { status: 200, body: '"isValid":true' },
    pays: false,
    prepare: asked("/verify"),
  },
  {
    name: "settle",
    what: "`POST /settle` of our facilitator",
    site: "facilitator",
    expected: SETTLED,
    pays: true,
    prepare: asked("/settle"),
  },
  {
    name: "ledger-1",
    what: "settle on a ledger of one shard, called by a Worker",
    site: "ledger1",
    expected: { status: 200, body: '"ok":true' },
    pays: true,
    prepare: ledgerSettle,
  },
  {
    name: "ledger-4",
    what: "the same spread over four shards, all in one workerd",
    site: "ledger4",
    expected: { status: 200, body: '"ok":true' },
    pays: true,
    prepare: ledgerSettle,
  },
];

function unpaid(path: string) {
  return async ({ origin }: Site) =>
    () =>
      get(origin + path);
}

function paid(path: string) {
  return async ({ origin }: Site) => {
    const offer = await offerOf(origin + path);
    return (payer: Payer) => paidGet(origin + path, payer, offer);
  };
}

/** Each payer grants one mandate per ledger, as an owner does, and pays under it in every burst. */
function delegated(path: string) {
  const delegates = new Map<string, Delegate>();
  return async ({ origin }: Site) => {
    const offer = await offerOf(origin + path);
    return (payer: Payer) => {
      const granted = keyOf(payer, offer);
      const delegate = delegates.get(granted) ?? newDelegate(payer, offer, origin);
      delegates.set(granted, delegate);
      return delegatedGet(origin + path, delegate, offer);
    };
  };
}

/** As many of the payers as there are clients open one session per ledger, and pay by its vouchers in every burst. Claims move the money later. */
function voucher(path: string, where: "isolate" | "object") {
  const sessions = new Map<string, BenchSession>();
  return async ({ origin }: Site, payers: readonly Payer[]) => {
    const offer = await offerOf(origin + path);
    const open: BenchSession[] = [];
    for (const payer of payers.slice(0, SESSIONS)) {
      const session = sessions.get(keyOf(payer, offer)) ?? (await BenchSession.open(payer, origin + path));
      sessions.set(keyOf(payer, offer), session);
      await session.ready(where);
      open.push(session);
    }
    let next = 0;
    return () => open[next++ % open.length]?.request(where) ?? "";
  };
}

function keyOf({ account }: Payer, { extra }: PaymentRequirements): string {
  return JSON.stringify([account, extra?.["ledger"]]);
}

function asked(path: string) {
  return async ({ origin }: Site) => {
    const { ledger } = (await (await fetch(`${origin}/health`)).json()) as { ledger: string };
    return (payer: Payer) => facilitatorPost(origin + path, payer, offerOn(ledger));
  };
}

export async function ledgerSettle({ origin }: Site) {
  return (payer: Payer) => ledgerPost(`${origin}/settle`, payer);
}

/** Makes `count` requests, spread over the payers. */
export async function requestsOf({ prepare }: Path, site: Site, payers: readonly Payer[], count: number): Promise<string[]> {
  if (!prepare) return Array.from({ length: count }, () => get(`${site.origin}/item`));
  const request = await prepare(site, payers);
  const rounds = Math.ceil(count / payers.length);
  return Array.from({ length: rounds }, () => payers.map(request))
    .flat()
    .slice(0, count);
}
