import { runInDurableObject } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { newPayer, randomId, reserveCommand, settleCommand, signedPayment } from "../signed.ts";
import { BAD_ACCOUNTS, BAD_AMOUNTS, badHex } from "../spellings.ts";
import { facilitator, fundedPayer, newLedger, NOW, remote, setTime, tablesOf } from "./ledger.ts";

// Other files have founded the facilitator's ledger at this time.
setTime(NOW);
afterAll(() => vi.useRealTimers());

const ledger = newLedger();
const payer = await newPayer();
const { payment } = await signedPayment(payer);
const hold = { reservationId: randomId(), holdSeconds: 60 };
const reservation = { payer: payment.payer, nonce: payment.nonce, reservationId: hold.reservationId };
const { nonce, validBefore } = payment;

/** A method that takes one object, called as a neighbour without types could. */
type Method =
  | "check"
  | "reserve"
  | "capture"
  | "release"
  | "settle"
  | "cancel"
  | "revoke"
  | "mandate"
  | "status"
  | "account"
  | "journal"
  | "fund"
  | "checkpoint"
  | "attest";
function call(method: Method, args: unknown): Promise<unknown> {
  const methods = remote(ledger) as unknown as Record<Method, (args: unknown, traceId: unknown) => Promise<unknown>>;
  return methods[method](args, "");
}

/** The same call as a facilitator of 0.1 makes it. */
function oldCall(method: Method, args: unknown): Promise<unknown> {
  const methods = remote(ledger) as unknown as Record<Method, (traceId: unknown, args: unknown) => Promise<unknown>>;
  return methods[method]("", args);
}

/** What each method takes when all is well. */
const GOOD: Record<Method, Record<string, unknown>> = {
  check: { payment },
  reserve: { payment, ...hold },
  capture: reservation,
  release: reservation,
  settle: { payment, settlementId: randomId() },
  cancel: { payer: payment.payer, nonce },
  revoke: { payer: payment.payer, mandate: randomId(), revokedAt: payment.validAfter },
  mandate: { payer: payment.payer, digest: randomId() },
  status: { payer: payment.payer, nonce, validBefore },
  account: { account: payment.payer },
  journal: { account: payment.payer, afterSeq: 0 },
  fund: { account: payment.payer, value: "1", grantId: randomId() },
  checkpoint: { account: payment.payer, seq: 1, head: randomId() },
  attest: { account: payment.payer, seq: 1 },
};
const METHODS = Object.entries(GOOD) as [Method, Record<string, unknown>][];

/** The same in 0.1. */
const OLD_HOLD = { reservationId: hold.reservationId, fingerprint: randomId(), seconds: hold.holdSeconds };
const OLD_METHODS = Object.entries({ ...GOOD, reserve: { payment, hold: OLD_HOLD } }) as [Method, Record<string, unknown>][];

const AMOUNTS = [...BAD_AMOUNTS, 1, 1n, null];
const ACCOUNTS = [...BAD_ACCOUNTS, 7, null];
const IDS = [...badHex(32), 7, null];
const SECONDS = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, "60", null];
const WRONG: Record<string, unknown[]> = {
  payer: ACCOUNTS,
  payee: [...ACCOUNTS, payment.payer],
  account: ACCOUNTS,
  value: AMOUNTS,
  nonce: IDS,
  authorizationDigest: IDS,
  requestDigest: IDS,
  reservationId: IDS,
  settlementId: IDS,
  grantId: IDS,
  fingerprint: IDS,
  holdSeconds: SECONDS,
  seconds: SECONDS,
  validAfter: SECONDS,
  validBefore: SECONDS,
  afterSeq: SECONDS,
  seq: [0, ...SECONDS],
  from: [256, ...SECONDS],
  mark: SECONDS,
  head: IDS,
  digest: IDS,
  mandate: ["**", ...IDS],
  revokedAt: SECONDS,
};

/** Every way to spoil one member, or to add or take one away, at any depth. */
function* spoiled(args: Record<string, unknown>): Generator {
  yield { ...args, surprise: 1 };
  for (const [name, value] of Object.entries(args)) {
    const { [name]: _, ...rest } = args;
    yield rest;
    for (const wrong of WRONG[name] ?? ["", 7, null, []]) yield { ...args, [name]: wrong };
    if (typeof value === "object" && value !== null) {
      for (const inner of spoiled(value as Record<string, unknown>)) yield { ...args, [name]: inner };
    }
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? `${part}n` : part));
}

beforeAll(async () => {
  await runInDurableObject(ledger, (instance) => Reflect.set(instance, "env", { FAUCET: "on", CHECKPOINT_KEY: "2a".repeat(32) }));
});

const CALLERS = [
  ["", call, METHODS],
  ["of a facilitator of 0.1 ", oldCall, OLD_METHODS],
] as const;

describe.each(CALLERS)("a call %sof the wrong shape is invalid_payload and writes nothing:", (_, call, methods) => {
  test.each(methods)("%s", async (method, args) => {
    const before = await tablesOf(ledger);
    for (const wrong of [undefined, null, 7, "text", [], {}, [args], ...spoiled(args)]) {
      expect(await call(method, wrong), textOf(wrong)).toEqual({ ok: false, code: "invalid_payload" });
    }
    expect(await tablesOf(ledger)).toEqual(before);
  });
});

test.each(CALLERS)("a call %sof the right shape is not", async (_, call, methods) => {
  const rightShape = methods.filter(([method]) => method !== "checkpoint" && method !== "attest"); // an account without a journal has none
  for (const [method, args] of rightShape) expect(await call(method, args), method).not.toMatchObject({ code: "invalid_payload" });
});

test("capture and settle of upto take a charge over RPC", async () => {
  const ledger = newLedger();
  const payer = await fundedPayer(ledger);
  const [captured, settled, free] = await Promise.all([1, 2, 3].map(() => signedPayment(payer, { scheme: "upto" })));
  if (!captured || !settled || !free) throw new Error("three payments");
  const { payment, transaction } = captured;
  const held = await remote(ledger).reserve({ payment, ...hold }, "", NOW);
  if (!held.ok) throw new Error(held.code);
  const capture = (value: string) => remote(ledger).capture({ ...held.reservation, value: value as Amount }, "", NOW);
  expect(await capture("10001")).toEqual({ ok: false, code: "charge_exceeded" });
  expect(await capture("7")).toMatchObject({ ok: true, transaction, value: "7" });
  expect(await capture("8")).toMatchObject({ ok: true, value: "7" });
  const settle = ({ payment }: typeof settled, value: string) =>
    remote(ledger).settle({ payment, settlementId: randomId(), value: value as Amount }, "", NOW);
  expect(await settle(settled, "9")).toMatchObject({ ok: true, value: "9" });
  expect(await settle(free, "0")).toMatchObject({ ok: true, transaction: free.transaction, value: "0" });
  expect(await settle(free, "-1")).toEqual({ ok: false, code: "invalid_payload" });
  expect(await remote(ledger).audit()).toMatchObject({ ok: true, payments: { settled: 4 } });
});

test("a hold of 0.1 is a hold of today: the same id gets the same answer in either shape", async () => {
  const ledger = newLedger();
  const { payment } = await signedPayment(await fundedPayer(ledger));
  const old = remote(ledger) as unknown as { reserve: (traceId: string, args: unknown) => Promise<unknown> };
  const held = await old.reserve("", { payment, hold: OLD_HOLD });
  expect(held).toMatchObject({ ok: true, reservation: { reservationId: hold.reservationId } });
  expect(await remote(ledger).reserve({ payment, ...hold }, "")).toEqual(held);
});

describe("the facilitator's methods, called by anyone,", () => {
  const signed = { payload: {}, requirements: {} };
  const command = { reserve: reserveCommand(signed), settle: settleCommand(signed), capture: reservation, release: reservation };
  type Name = keyof typeof command;
  const ask = (name: Name, ...args: unknown[]) =>
    (facilitator as unknown as Record<Name, (...args: unknown[]) => Promise<object>>)[name](...args);
  /** Every refusal names its code, in the shape of its method. */
  const refused = (name: Name, code: string) => (name === "settle" ? { success: false, errorReason: code } : { ok: false, code });

  test.each(Object.entries(command) as [Name, Record<string, unknown>][])(
    "%s: refuse a wrong shape as invalid_payload",
    async (name, args) => {
      for (const wrong of [undefined, null, 7, "text", [], {}, [args], ...spoiled(args)]) {
        for (const traceId of ["", null, { a: 1 }]) {
          expect(await ask(name, wrong, traceId), textOf(wrong)).toMatchObject(refused(name, "invalid_payload"));
        }
      }
    },
  );

  test("reserve and settle: refuse the arguments of 0.1 in a wrong shape as invalid_payload", async () => {
    const { payload, requirements } = await signedPayment(payer);
    const good = { reserve: [payload, requirements, randomId(), randomId(), ""], settle: [payload, requirements, randomId(), ""] };
    for (const name of ["reserve", "settle"] as const) {
      expect(await ask(name, ...good[name])).toMatchObject(refused(name, "insufficient_funds"));
      expect(await ask(name, ...good[name].slice(0, -1))).toMatchObject(refused(name, "insufficient_funds")); // without a trace id
      const idAt = good[name].length - 2;
      for (const wrong of [undefined, ...IDS]) {
        expect(await ask(name, ...good[name].with(idAt, wrong as never)), textOf(wrong)).toMatchObject(refused(name, "invalid_payload"));
      }
      for (const index of [0, 1]) {
        for (const wrong of [undefined, null, 7, "text", [], {}]) {
          expect(await ask(name, ...good[name].with(index, wrong as never)), textOf(wrong)).toMatchObject(refused(name, "invalid_payload"));
        }
      }
      expect(await ask(name)).toMatchObject(refused(name, "invalid_payload"));
      expect(await ask(name, payload, requirements)).toMatchObject(refused(name, "invalid_payload"));
    }
  });
});

test("marks of the wrong shape are invalid_payload to an audit", async () => {
  const audit = (marks: unknown) => (remote(ledger) as unknown as { auditShard: (marks: unknown) => Promise<unknown> }).auditShard(marks);
  const mark = { from: 1, mark: 0, head: "00".repeat(32) };
  const spoilt = [...spoiled(mark)].filter((wrong) => "head" in (wrong as object)); // without a head it is one that has seen nothing
  for (const wrong of [undefined, null, 7, {}, [7], Array.from({ length: 257 }, () => mark), ...spoilt.map((one) => [mark, one])]) {
    expect(await audit(wrong), JSON.stringify(wrong)).toEqual({ ok: false, code: "invalid_payload" });
  }
  expect(await audit([{ from: 2, mark: 0 }])).toMatchObject({ report: { ok: true } });
});

test("a trace id of any shape is taken, and never in the way", async () => {
  const info = remote(ledger) as unknown as { account: (args: unknown, traceId: unknown) => Promise<unknown> };
  for (const traceId of [undefined, null, 7, "x".repeat(10_000), { a: 1 }]) {
    expect(await info.account(GOOD.account, traceId)).toMatchObject({ account: payment.payer });
  }
});

describe("the faucet", () => {
  test.each([undefined, "", "off", "ON", "true", "1", true])("gives nothing where FAUCET is %s", async (setting) => {
    const ledger = newLedger();
    await ledger.info();
    const before = await tablesOf(ledger);
    await runInDurableObject(ledger, (instance) => Reflect.set(instance, "env", { FAUCET: setting }));
    expect(await remote(ledger).fund({ account: payment.payer, value: payment.value, grantId: randomId() }, "")).toEqual({
      ok: false,
      code: "not_found",
    });
    expect(await tablesOf(ledger)).toEqual(before);
  });

  test("gives where it is on", async () => {
    const ledger = newLedger();
    const rich = await fundedPayer(ledger);
    expect(await remote(ledger).account({ account: rich.account }, "")).toMatchObject({ balance: "25000" });
  });
});

test("a checkpoint that cannot be signed is not recorded", async () => {
  const ledger = newLedger();
  const { account } = await fundedPayer(ledger);
  const state = await remote(ledger).account({ account }, "");
  if ("code" in state) throw new Error(state.code);
  await runInDurableObject(ledger, (instance) => Reflect.set(instance, "env", { CHECKPOINT_KEY: "2A".repeat(32) }));
  const before = await tablesOf(ledger);
  const checkpoint = async () => remote(ledger).checkpoint({ account, seq: 1, head: state.journalHead }, "");
  await expect(checkpoint).rejects.toThrow("CHECKPOINT_KEY");
  expect(await tablesOf(ledger)).toEqual(before);
});

test("a page of a journal is what its owner can check", async () => {
  const ledger = newLedger();
  const rich = await fundedPayer(ledger);
  const page = await remote(ledger).journal({ account: rich.account, afterSeq: 0 }, "");
  const { ledger: id } = await ledger.info();
  expect(page).toMatchObject({ entries: [{ kind: "credit", value: "25000", prevHash: id satisfies Digest }] });
});
