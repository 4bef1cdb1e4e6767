/** What a desk answers in the tests of its page and in its pictures: fixed data at a fixed time, without a desk. */

import type { Digest } from "../../shared/crypto/digest.ts";
import type { Answered, Ask, CallName, DeskCalls, History, MandateItem, Receipt, RequestItem } from "../../shared/desk/api.ts";
import { approvalWire } from "../../shared/desk/approval-wire.ts";
import { nativeWire } from "../../shared/desk/native-wire.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { type Amount, displayAmount } from "../../shared/protocol/amount.ts";
import { bindingOf, type BoundRequest } from "../../shared/protocol/binding.ts";
import {
  newPaymentRequest,
  paymentFields,
  type PaymentRequest,
  type PaymentRequestBody,
  requestDigest,
  shortCode,
  signPaymentRequest,
} from "../../shared/protocol/payment-request.ts";
import { checkForApproval, toSign } from "../../shared/protocol/what-is-signed.ts";
import { sentRequest, type StoredParts } from "../../shared/screen/sent-request.ts";
import type { ApprovalView, PastDecision } from "../../shared/screen/view.ts";
import { formatTimestamp } from "../../shared/time.ts";
import type { PaymentRequirements } from "../../shared/x402/x402.ts";
import { agent, LEDGER, merchant, NOW, offerOf, owner, receiver, stranger } from "../fixtures.ts";

export { NOW } from "../fixtures.ts";

/** Answers by call. A call that a scene does not know is answered with a failure. */
export type Scene = { [Name in CallName]?: (ask: Ask<Name>) => Answered<DeskCalls[Name][1]> };

const money = (amount: string | bigint) => ({ amount: amount.toString(), asset: ASSET, display: displayAmount(amount.toString()) });
const found = <Data>(data: Data): Answered<Data> => ({ ok: true, data });
export const failed = (code: string, message: string, hint?: string) => ({ ok: false as const, error: { code, message, hint } });

export interface Asked {
  url: string;
  amount: string;
  reason: string;
  payTo?: string;
  agentName?: string;
  merchantName?: string;
  /** Seconds until it expires. */
  left?: number;
  session?: { deposit: string; seconds: string };
  method?: string;
  http?: Partial<BoundRequest>;
  id?: string;
}

/** A request that its agent has signed. */
export async function asked(wish: Asked): Promise<PaymentRequest> {
  const {
    url,
    amount,
    reason,
    payTo = merchant.account,
    agentName = "Research agent",
    left = 2760,
    session,
    id = "0123456789abcdef",
  } = wish;
  const http = { method: wish.method ?? "GET", url, ...wish.http };
  const terms = { network: NETWORK, asset: ASSET, amount, payTo };
  const claims = { receiverAuthorizer: receiver.publicKey, withdrawDelay: 900, minDeposit: "100000", maxSessionSeconds: 86_400 };
  const offer = offerOf({
    ...terms,
    ...(session && { scheme: "batch-settlement" }),
    extra: { binding: bindingOf(http, terms), ledger: LEDGER, ...(session && claims) },
  });
  const body: PaymentRequestBody = {
    version: "1",
    id: `pr_${id}`,
    createdAt: formatTimestamp(NOW - 840),
    expiresAt: formatTimestamp(NOW + left),
    agent: { publicKey: agent.publicKey, name: agentName },
    merchant: { name: wish.merchantName ?? new URL(url).host, url },
    http,
    payment: {
      ...(paymentFields(offer) as PaymentRequestBody["payment"]),
      ...(session && { session: { deposit: session.deposit as Amount, seconds: session.seconds } }),
    },
    reason,
  };
  return signPaymentRequest(body, agent);
}

/** A request as a list has it. */
export function itemOf(request: PaymentRequest, more: Partial<RequestItem> = {}): RequestItem {
  const digest = requestDigest(request);
  const { payment, http } = request;
  const expiresInSeconds = Date.parse(request.expiresAt) / 1000 - NOW;
  return {
    shortCode: shortCode(digest),
    requestDigest: digest,
    state: "pending",
    method: http.method,
    url: http.url,
    price: money(payment.amount),
    ...(payment.session && { session: { deposit: money(payment.session.deposit), seconds: Number(payment.session.seconds) } }),
    payTo: payment.payTo,
    network: payment.network,
    agentKey: request.agent.publicKey,
    reason: request.reason,
    createdAt: request.createdAt,
    expiresAt: request.expiresAt,
    expiresInSeconds,
    ...more,
  };
}

/** What an owner approved at this host before. */
function approvedBefore(request: PaymentRequest, ago: number, amount: string): PastDecision {
  return {
    requestDigest: "77".repeat(32),
    decision: "approved",
    at: formatTimestamp(NOW - ago),
    agentKey: request.agent.publicKey,
    url: new URL("/", request.http.url).href,
    payTo: request.payment.payTo,
    amount,
    from: owner.account,
    validBefore: String(NOW - ago + 900),
  };
}

interface Seen {
  /** The merchant confirms, and the owner bought there before. */
  known: boolean;
  parts?: StoredParts;
  description?: string;
  extra?: Partial<ApprovalView>;
}

export async function viewOf(request: PaymentRequest, { known, parts, description, extra }: Seen): Promise<ApprovalView> {
  const checked = await checkForApproval(request, NOW);
  if (!checked.ok) throw new Error(checked.problem);
  const { url } = request.http;
  return {
    request,
    checked,
    ...toSign(request, checked, owner.account, NOW),
    now: NOW,
    history: known ? [approvedBefore(request, 9000, "120000000"), approvedBefore(request, 190_000, "250000000")] : [],
    open: [],
    threshold: 1_000_000_000n,
    ledger: LEDGER,
    host: known
      ? {
          kind: "confirmed",
          by: "terms",
          required: { x402Version: 2, resource: { url, ...(description !== undefined && { description }) }, accepts: [checked.offer] },
        }
      : {
          kind: "unconfirmed",
          why: "it answers 503, not 402",
          signature: { kind: "unsigned", why: "the request came without the merchant's terms" },
        },
    sent: sentRequest(request.http, parts),
    balance: { kind: "known", spendable: 41_250_000_000n },
    outstanding: { sum: 0n, requests: 0 },
    mandates: [],
    ...(known && { pin: { origin: new URL(url).origin, payTo: request.payment.payTo, firstSeenAt: "2025-09-02T07:11:40Z" } }),
    pinnedBefore: known,
    ...extra,
  };
}

export const REPORT = await asked({
  url: "https://reports.heatpumps.example/efficiency/2025?region=north",
  amount: "250000000",
  reason:
    "The comparison of heat pumps that you asked for needs the measured efficiency of 2025. Only this report has it, by model and climate.",
  merchantName: "Heat Pump Review",
});
const TRANSLATION = await asked({
  url: "https://translate.example/v2/documents",
  amount: "4000000",
  reason: "The contract is in Finnish; I need it in English before I can summarise it for you.",
  agentName: "Office agent",
  left: 6300,
  id: "1123456789abcdef",
});
const SESSION = await asked({
  url: "https://models.example/v1/messages",
  amount: "1500000",
  reason: "Sorting 1,200 support mails takes as many calls to this model; a session pays them one by one from what is set aside.",
  agentName: "Office agent",
  session: { deposit: "2000000000", seconds: "86400" },
  left: 3120,
  id: "2123456789abcdef",
});
export const DATASET = await asked({
  url: "http://data-sets.example:8443/road-traffic/2024.parquet",
  amount: "12500000000",
  payTo: stranger.account,
  reason: "The traffic model needs the counts of 2024 for all junctions. This is the only seller that has them as one file.",
  merchantName: "Open Roads Data",
  left: 170,
  id: "3123456789abcdef",
});
const ON_CHAIN_TERMS = {
  network: "lez:devnet",
  asset: ASSET,
  amount: "10000",
  payTo: "Bbb4SDKkQ4zPcCNAHxY4V16J111R7jtWZbC19dYLkHYg",
};
const ON_CHAIN_HTTP = { method: "GET", url: "https://tides.example/v1/harbours/halifax" };
/** A request that a native transfer pays: signed at a terminal alone. */
export const ON_CHAIN = await signPaymentRequest(
  {
    ...newPaymentRequest(
      {
        agent: { publicKey: agent.publicKey, name: "Research agent" },
        http: ON_CHAIN_HTTP,
        offer: {
          scheme: "exact",
          ...ON_CHAIN_TERMS,
          maxTimeoutSeconds: 900,
          extra: {
            assetTransferMethod: "transaction",
            paymentFlow: "upfront",
            ledger: "6d".repeat(32),
            dialect: "v0.3",
            maxFee: "100000",
            finality: "head",
            statement: "required",
            binding: bindingOf(ON_CHAIN_HTTP, ON_CHAIN_TERMS),
          },
        },
        reason: "The harbour plan needs the tides of this week, and only this service has them by the minute.",
        expiresIn: 2760,
      },
      NOW,
    ),
    id: "pr_4123456789abcdef",
  },
  agent,
);
export const ON_CHAIN_DIGEST = requestDigest(ON_CHAIN);
export const ON_CHAIN_VIEW = nativeWire({
  request: ON_CHAIN,
  now: NOW,
  host: {
    kind: "confirmed",
    by: "terms",
    required: {
      x402Version: 2,
      resource: { url: ON_CHAIN_HTTP.url, description: "Tides by the minute." },
      accepts: [JSON.parse(ON_CHAIN.payment.offer) as PaymentRequirements],
    },
  },
  sent: sentRequest(ON_CHAIN.http, undefined),
  pin: undefined,
  threshold: 1_000_000_000n,
});
export const REPORT_DIGEST = requestDigest(REPORT);
export const DATASET_DIGEST = requestDigest(DATASET);

const MANDATES: MandateItem[] = [
  {
    shortCode: "7F3K-9QPD",
    mandate: "7f".repeat(32),
    agentKey: agent.publicKey,
    perPayment: money("50000000"),
    total: money("5000000000"),
    period: { seconds: 86_400, amount: money("500000000"), count: 200 },
    payees: [merchant.account],
    origins: ["https://weather.example"],
    schemes: ["exact"],
    note: "Weather data for the irrigation plan",
    expiresAt: formatTimestamp(NOW + 19 * 86_400),
    expiresInSeconds: 19 * 86_400,
    usage: {
      status: "open",
      used: money("1830000000"),
      held: money("150000000"),
      left: money("3170000000"),
      period: {
        used: money("320000000"),
        left: money("180000000"),
        payments: 64,
        paymentsLeft: 136,
        endsAt: formatTimestamp(NOW + 31_000),
      },
    },
  },
  {
    shortCode: "2MBX-40TC",
    mandate: "2b".repeat(32),
    agentKey: stranger.publicKey,
    perPayment: money("4000000"),
    total: money("400000000"),
    payees: [stranger.account],
    origins: ["https://translate.example", "https://models.example"],
    schemes: ["exact", "upto"],
    expiresAt: formatTimestamp(NOW + 5 * 86_400),
    expiresInSeconds: 5 * 86_400,
    usage: { status: "open", used: money("364000000"), held: money("0"), left: money("36000000") },
  },
];

const MERCHANTS = ["weather.example", "translate.example", "models.example", "reports.heatpumps.example", "maps.example"] as const;
const REASONS = [
  "Hourly rain and wind for the next two days, for the irrigation plan.",
  "The contract is in Finnish; I need it in English to summarise it.",
  "Sorting the support mails of this morning.",
  "The measured efficiency of 2025, for the comparison of heat pumps.",
  "Travel times between the three sites.",
] as const;

/** The same thirty days each time. */
function historyAt(now: number): History {
  let seed = 11;
  const chance = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  const list = Array.from({ length: 74 }, (_, i) => {
    const at = now - Math.floor((i * 30 * 86_400) / 78) - chance(9000);
    const which = [0, 0, 0, 1, 2, 2, 4, 3][chance(8)] ?? 0;
    const amount = [12_500_000, 4_000_000, 31_000_000, 250_000_000, 18_000_000][which] ?? 0;
    return {
      at: formatTimestamp(at),
      agent: which === 1 || which === 2 ? "Office agent" : "Research agent",
      merchant: MERCHANTS[which] ?? "",
      method: "GET",
      url: `https://${MERCHANTS[which]}/`,
      reason: REASONS[which] ?? "",
      amount: String(amount + chance(9) * 1_000_000),
      transaction: i.toString(16).padStart(64, "0"),
      request:
        which === 0
          ? ""
          : shortCode(
              String((i + 1) * 1_618_033)
                .padStart(10, "5")
                .padEnd(64, "0") as Digest,
            ),
      mandate: which === 0 ? "7F3K-9QPD" : "",
    };
  });
  const grouped = (nameOf: (one: (typeof list)[number]) => string) =>
    [...Map.groupBy(list, nameOf)].map(([name, own]) => ({
      name,
      payments: own.length,
      paid: money(own.reduce((sum, { amount }) => sum + BigInt(amount), 0n)),
    }));
  const merchants = grouped((one) => one.merchant).sort((a, b) => Number(BigInt(b.paid.amount) - BigInt(a.paid.amount)));
  return {
    since: formatTimestamp(now - 29 * 86_400).slice(0, 10),
    today: formatTimestamp(now).slice(0, 10),
    payments: list.length,
    total: money(list.reduce((sum, { amount }) => sum + BigInt(amount), 0n)),
    refunded: money("12500000"),
    days: grouped(({ at }) => at.slice(0, 10)).sort((a, b) => (a.name < b.name ? 1 : -1)),
    merchants: { lines: merchants, more: 0 },
    list: list.slice(0, 12),
    more: list.length - 12,
    sessions: {
      total: money("61200000"),
      list: [
        {
          at: formatTimestamp(now - 5400),
          agent: "Research agent",
          merchant: "quotes.example",
          reason: "Prices of copper, every ten minutes while the market is open.",
          charged: "61200000",
          calls: 204,
          session: shortCode("5e".repeat(32) as Digest),
        },
      ],
      more: 0,
    },
    known: { agents: ["Office agent", "Research agent"], merchants: [...MERCHANTS].sort() },
  };
}

const RECEIPT: Receipt = {
  stated: { transaction: "4c".repeat(32), fits: true, network: NETWORK },
  signed: { offer: true, receipt: true },
  report: {
    verdict: "verified",
    says: {
      shortCode: shortCode(REPORT_DIGEST),
      reason: REPORT.reason,
      method: "GET",
      url: REPORT.http.url,
      paid: money(REPORT.payment.amount),
      payer: owner.account,
      payTo: merchant.account,
      approvedAt: formatTimestamp(NOW - 300),
      transaction: "4c".repeat(32),
    },
    passed: 3,
    warned: 0,
    failed: 0,
    unchecked: 1,
    points: [
      { id: "request.signature", title: "The agent signed the request", verdict: "pass", saw: "" },
      { id: "payment.signature", title: "The owner signed the payment", verdict: "pass", saw: "" },
      { id: "payment.binding", title: "The payment is for this request", verdict: "pass", saw: "" },
      { id: "offer.key", title: "The merchant's key is a known one", verdict: "unchecked", saw: "no list of known keys was given" },
    ],
  },
};

const wire = async (request: PaymentRequest, seen: Seen) => approvalWire(await viewOf(request, seen), undefined);
const REPORT_VIEW = await wire(REPORT, {
  known: true,
  description: "Measured efficiency of 412 heat pumps by model, source temperature and climate, as tables.",
  parts: { headers: [["Accept", "text/csv"]], body: new Uint8Array() },
});
const DATASET_VIEW = await wire(DATASET, { known: false });

/** A desk at work. */
export const FULL: Scene = {
  state: () =>
    found({
      account: owner.account,
      sealed: true,
      network: NETWORK,
      balance: { spendable: money("41250000000"), held: money("150000000") },
    }),
  requests: ({ all }) =>
    found({
      requests: [
        itemOf(REPORT),
        itemOf(TRANSLATION),
        itemOf(SESSION),
        itemOf(DATASET),
        ...(all
          ? [
              itemOf(TRANSLATION, { state: "paid", requestDigest: "11".repeat(32) }),
              itemOf(REPORT, { state: "declined", requestDigest: "12".repeat(32) }),
            ]
          : []),
      ],
      unreadable: [],
    }),
  request: ({ request }) => found(itemOf(request === DATASET_DIGEST ? DATASET : request === ON_CHAIN_DIGEST ? ON_CHAIN : REPORT)),
  readNative: () => found({ view: ON_CHAIN_VIEW }),
  read: ({ request }) =>
    found(request === DATASET_DIGEST ? { reading: "d".repeat(32), view: DATASET_VIEW } : { reading: "a".repeat(32), view: REPORT_VIEW }),
  mandates: () => found({ mandates: MANDATES, more: 0, lost: [], unreadable: [] }),
  history: () => found(historyAt(NOW)),
  receipt: () => found(RECEIPT),
  export: () => found({ name: "audit.csv", type: "text/csv", text: "seq,at\n" }),
};

/** A desk on its first day. */
export const EMPTY: Scene = {
  ...FULL,
  requests: () => found({ requests: [], unreadable: [] }),
  mandates: () => found({ mandates: [], more: 0, lost: [], unreadable: [] }),
  history: ({ days }) => {
    const { since, today } = historyAt(NOW);
    const none = money("0");
    const group = { lines: [], more: 0 };
    return found({
      since: days === 30 ? since : today,
      today,
      payments: 0,
      total: none,
      refunded: none,
      days: [],
      merchants: group,
      list: [],
      more: 0,
      known: { agents: [], merchants: [] },
    });
  },
};

/** A machine on which nothing can be read. */
export const BROKEN: Scene = Object.fromEntries(
  Object.keys(FULL).map((name) => [
    name,
    () => failed("invalid_file", "The audit log cannot be read.", "lez-agent-pay audit verify shows the damage."),
  ]),
);
