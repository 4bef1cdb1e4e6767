/** The goals that every run is compared with. */

import type { Growth } from "./growth.ts";
import { medianRatio, type Results } from "./results.ts";

export interface Goal {
  what: string;
  /** "least": the larger the better. */
  at: "least" | "most";
  goal: number;
  stretch: number;
  /** NaN when it was not measured. */
  value(results: Results): number;
}

const ratio = (path: string, other: string, clients: number) => (results: Results) => medianRatio(results.rounds, path, other, clients);
/** Of processor time per answer. */
const cpuRatio = (path: string, other: string, clients: number) => (results: Results) =>
  medianRatio(results.rounds, path, other, clients, ({ cpu }) => cpu ?? Number.NaN);
const syncs = (path: string, clients: number) => (results: Results) =>
  results.syncs?.find((count) => count.path === path && count.clients === clients)?.perAnswer ?? Number.NaN;
const kibibytes = (bundle: string) => (results: Results) => (results.bundles?.[bundle] ?? Number.NaN) / 1024;

export const GOALS: readonly Goal[] = [
  { what: "session call / F, 32 clients", at: "least", goal: 1.5, stretch: 1.8, value: ratio("session", "F", 32) },
  { what: "…its processor time / bare Hono", at: "most", goal: 3.6, stretch: 3, value: cpuRatio("session", "bare", 32) },
  { what: "session call in the object / F, 32 clients", at: "least", goal: 1, stretch: 1.15, value: ratio("session-object", "F", 32) },
  { what: "402 / Hono with one middleware, 32 clients", at: "least", goal: 0.9, stretch: 0.95, value: ratio("402-ours", "middleware", 32) },
  { what: "402 / official 402, 32 clients", at: "least", goal: 1.6, stretch: 1.9, value: ratio("402-ours", "402-official", 32) },
  { what: "upfront / A, 32 clients", at: "least", goal: 0.68, stretch: 0.75, value: ratio("upfront", "A", 32) },
  { what: "upfront / A, 1 client", at: "least", goal: 0.65, stretch: 0.8, value: ratio("upfront", "A", 1) },
  {
    what: "upfront / official merchant with its own facilitator in memory, 32 clients",
    at: "least",
    goal: 1.6,
    stretch: 1.8,
    value: ratio("upfront", "official-on-memory", 32),
  },
  {
    what: "upfront under a mandate / upfront, 32 clients",
    at: "least",
    goal: 0.92,
    stretch: 1,
    value: ratio("upfront-mandate", "upfront", 32),
  },
  { what: "authorization / A, 32 clients", at: "least", goal: 0.55, stretch: 0.6, value: ratio("authorization", "A", 32) },
  { what: "authorization / A, 1 client", at: "least", goal: 0.4, stretch: 0.45, value: ratio("authorization", "A", 1) },
  {
    what: "authorization / official merchant with its own facilitator in memory, 32 clients",
    at: "least",
    goal: 1.05,
    stretch: 1.2,
    value: ratio("authorization", "official-on-memory", 32),
  },
  { what: "disk syncs per settle, 32 clients", at: "most", goal: 0.12, stretch: 0.08, value: syncs("upfront", 32) },
  { what: "disk syncs per settle, 128 clients", at: "most", goal: 0.05, stretch: 0.035, value: syncs("upfront", 128) },
  { what: "merchant bundle, KiB minified and gzipped", at: "most", goal: 44, stretch: 40, value: kibibytes("lez-merchant") },
  { what: "facilitator bundle, KiB minified and gzipped", at: "most", goal: 34, stretch: 30, value: kibibytes("lez-facilitator") },
  {
    what: "p50 of settle, 10^6 / 10^3 payments of an account",
    at: "most",
    goal: 1.3,
    stretch: 1.1,
    value: growing({ payments: 1_000_000, accounts: 1 }),
  },
  {
    what: "p50 of settle, 10^5 accounts / 1",
    at: "most",
    goal: 1.3,
    stretch: 1.1,
    value: growing({ payments: 100_000, accounts: 100_000 }),
  },
];

function growing(large: Omit<Growth, "p50">) {
  const p50 = ({ growth = [] }: Results, { payments, accounts }: typeof large) =>
    growth.find((ledger) => ledger.payments === payments && ledger.accounts === accounts)?.p50 ?? Number.NaN;
  return (results: Results) => p50(results, large) / p50(results, { payments: 1000, accounts: 1 });
}

export function verdictOn({ at, goal, stretch }: Goal, value: number): "not measured" | "missed" | "reached" | "stretch reached" {
  if (Number.isNaN(value)) return "not measured";
  const reached = (limit: number) => (at === "least" ? value >= limit : value <= limit);
  return reached(stretch) ? "stretch reached" : reached(goal) ? "reached" : "missed";
}
