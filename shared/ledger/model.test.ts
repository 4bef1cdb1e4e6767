import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../agent-cli/demo/memory-store.ts";
import type { Amount } from "../amount.ts";
import type { LedgerPayment } from "../backend.ts";
import { CLOCK_SKEW_SECONDS, FAUCET_CAP_PER_ACCOUNT, MAX_HOLD_SECONDS, MAX_VALIDITY_SECONDS, RETENTION_SECONDS } from "../limits.ts";
import { ALICE, BOB, CAROL, holdBy, idOf, LEDGER, paymentOf, reservationOf, START } from "./ledger.fixtures.ts";
import { LedgerModel, type ModelEvent } from "./model.fixtures.ts";
import { type Mutant, MUTANTS } from "./mutants.fixtures.ts";
import { LedgerRules } from "./rules.ts";

// --- What can happen -------------------------------------------------------------------------------

/** A quarter of what the faucet gives: few units, so that balances, caps and values meet exactly. One odd atom tells < from <=. */
const UNIT = FAUCET_CAP_PER_ACCOUNT / 4n;
const SUPPLY = 9n * UNIT;
const units = (count: bigint, atoms = 0n) => (count * UNIT + atoms).toString() as Amount;
const END = START + 8;
/** So much later that everything from before can be forgotten. */
const TOMORROW = END + RETENTION_SECONDS + 10;

const PAYMENTS = [ALICE, BOB].flatMap((payer) => [
  ...[1, 2, 3].map((nonce) => paymentOf({ payer, payee: CAROL, nonce: idOf(nonce), value: units(1n), validBefore: END })),
  paymentOf({ payer, payee: CAROL, nonce: idOf(1), value: units(2n), validBefore: END + 2 }),
  paymentOf({ payer, payee: payer === ALICE ? BOB : ALICE, nonce: idOf(1), value: units(1n), validBefore: END }),
  paymentOf({ payer, payee: CAROL, nonce: idOf(1), value: units(1n), validBefore: TOMORROW + 8 }),
  paymentOf({ payer, payee: CAROL, nonce: idOf(2), value: units(2n, 1n), validBefore: END }),
  paymentOf({ payer, payee: CAROL, nonce: idOf(3), validAfter: START + CLOCK_SKEW_SECONDS + 3, value: units(1n), validBefore: END }),
  paymentOf({ payer, payee: CAROL, nonce: idOf(3), value: units(3n), validBefore: START + MAX_VALIDITY_SECONDS + CLOCK_SKEW_SECONDS + 3 }),
]);

const soon = fc.integer({ min: START, max: START + 11 });
const late = fc.oneof(
  fc.integer({ min: START + MAX_HOLD_SECONDS - 1, max: START + MAX_HOLD_SECONDS + 12 }),
  fc.integer({ min: END + RETENTION_SECONDS - 8, max: END + RETENTION_SECONDS + 3 }),
  fc.integer({ min: TOMORROW, max: TOMORROW + 11 }),
);

function eventAt(at: fc.Arbitrary<number>): fc.Arbitrary<ModelEvent> {
  const claim = { at, payment: fc.constantFrom(...PAYMENTS), id: fc.constantFrom(idOf(1), idOf(2)) };
  const seconds = fc.constantFrom(0, 2, 4, MAX_HOLD_SECONDS + 100);
  const grant = {
    account: fc.constantFrom(ALICE, BOB),
    value: fc.constantFrom(units(1n), units(2n), units(3n, 1n)),
    id: fc.constantFrom(idOf(7), idOf(8), idOf(9)),
  };
  const claims = (["capture", "release", "settle", "cancel", "status", "check"] as const).map((event) => ({
    weight: { capture: 6, release: 3, settle: 4, cancel: 1, status: 3, check: 3 }[event],
    arbitrary: fc.record({ ...claim, event: fc.constant(event) }),
  }));
  return fc.oneof(
    { weight: 7, arbitrary: fc.record({ ...claim, event: fc.constant("reserve"), seconds }) },
    ...claims,
    { weight: 2, arbitrary: fc.record({ ...grant, at, event: fc.constant("fund") }) },
    { weight: 2, arbitrary: fc.record({ at, event: fc.constant("alarm") }) },
    { weight: 1, arbitrary: fc.record({ at, event: fc.constant("restart") }) },
  );
}

/** A day's beginning, in which little time passes, and sometimes what comes much later. Clocks jump back within both. */
const HISTORY = fc
  .tuple(fc.array(eventAt(soon), { maxLength: 30, size: "max" }), fc.array(eventAt(fc.oneof(soon, late)), { maxLength: 12, size: "max" }))
  .map(([first, then]) => [...FUNDED, ...first, ...then]);
const FUNDED: ModelEvent[] = [
  { event: "fund", account: ALICE, value: units(3n), id: idOf(5), at: START },
  { event: "fund", account: BOB, value: units(2n), id: idOf(6), at: START },
];

// --- Playing it on both ----------------------------------------------------------------------------

type Rules = typeof LedgerRules;

/** Plays `history` on the ledger and on the model. @throws at the first difference */
function play(history: ModelEvent[], Rules: Rules): void {
  const store = memoryStore();
  const open = () => new Rules(store, { ledger: LEDGER, supply: SUPPLY, at: START });
  let rules = open();
  const { treasury } = rules.info();
  const model = new LedgerModel(treasury, SUPPLY);
  for (const event of history) {
    if (event.event === "restart") rules = open();
    same(answer(rules, event), model.apply(event), event);
    for (const account of [treasury, ALICE, BOB, CAROL]) {
      const { balance, held } = rules.account(account);
      same([balance, held], [String(model.balances.get(account) ?? 0), String(model.held(account))], { account, after: event });
    }
  }
  same(rules.audit().problems, [], "audit");
}

function answer(rules: LedgerRules, event: ModelEvent): unknown {
  switch (event.event) {
    case "reserve":
      return rules.reserve(event.payment, holdBy(event.id, event.seconds), event.at);
    case "capture":
      return rules.capture(reservationOf(event.payment, event.id), event.at);
    case "release":
      return rules.release(reservationOf(event.payment, event.id), event.at);
    case "settle":
      return rules.settle(event.payment, event.id, event.at);
    case "cancel":
      return rules.cancel(event.payment.payer, event.payment.nonce, event.at);
    case "status":
      return statusOf(rules, event.payment, event.at);
    case "check":
      return rules.check(event.payment, event.at);
    case "alarm":
      return rules.tidy(event.at);
    case "fund": {
      const granted = rules.fund(event.account, event.value, event.id, event.at);
      return granted.ok ? { ok: true, account: granted.account, balance: granted.balance } : granted;
    }
    default:
      return undefined;
  }
}

function statusOf(rules: LedgerRules, { payer, nonce, validBefore }: LedgerPayment, at: number): unknown {
  return rules.status(payer, nonce, validBefore, at);
}

function same(ledger: unknown, model: unknown, when: unknown): void {
  if (isDeepStrictEqual(ledger, model)) return;
  throw new Error(`${JSON.stringify(when)}: the ledger says ${JSON.stringify(ledger)}, the model ${JSON.stringify(model)}`);
}

const property = (Rules: Rules) => fc.property(HISTORY, (history) => play(history, Rules));

// --- The tests -------------------------------------------------------------------------------------

test("the ledger does what the model does, whatever happens", () => {
  fc.assert(property(LedgerRules), { numRuns: 250 });
});

test("the model finds no fault in a copy without one", async () => {
  fc.assert(property(await load()), { seed: 1, numRuns: 100 });
});

describe("the model finds the fault:", () => {
  test.each(MUTANTS)("$fault", async (mutant) => {
    const found = fc.check(property(await load(mutant)), { seed: 1, numRuns: 2000, endOnFailure: true });
    expect(found.failed).toBe(true);
  });
});

/** The ledger's rules with one fault in them (or none): a changed copy of their sources, loaded from a folder that is gone afterwards. */
async function load(mutant?: Mutant): Promise<Rules> {
  const here = import.meta.dirname;
  const folder = mkdtempSync(join(tmpdir(), "ledger-mutant-"));
  try {
    for (const name of readdirSync(here).filter((name) => /^[a-z]+\.ts$/.test(name))) {
      let source = readFileSync(join(here, name), "utf8");
      if (mutant && name === `${mutant.file}.ts`) source = replaceOnce(source, mutant);
      writeFileSync(join(folder, name), source.replaceAll('from "../', `from "${pathToFileURL(join(here, "..")).href}/`));
    }
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const module = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "rules.ts")).href)) as { LedgerRules: Rules };
    return module.LedgerRules;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function replaceOnce(source: string, { find, replace }: Mutant): string {
  expect(source.split(find), `occurrences of ${find}`).toHaveLength(2);
  return source.replace(find, () => replace);
}
