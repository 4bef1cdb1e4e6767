/** A mandate before it is signed: what an owner's flags say, or an agent proposes. */

import * as z from "zod";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { ASSET, BATCH_SETTLEMENT, NETWORK, SCHEME, UPTO } from "../../shared/lez.ts";
import {
  MAX_MANDATE_SECONDS,
  MAX_OPEN_SESSIONS,
  MAX_SESSION_SECONDS,
  MAX_SIGNED_MANDATE_BYTES,
  MAX_WITHDRAW_DELAY_SECONDS,
  MIN_WITHDRAW_DELAY_SECONDS,
} from "../../shared/limits.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { ANY, type Mandate, REFUND_SCHEME, signedMandateSchema } from "../../shared/protocol/mandate.ts";
import { checkShape } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { amountField, periodField, secondsOf } from "../command-line/fields.ts";
import { pinOf } from "../records/merchant-pins.ts";
import { originOf } from "../runtime/config.ts";
import type { Context } from "../runtime/context.ts";
import { writtenAmountSchema } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

const DEFAULT_LIFE = "30d";
const DEFAULT_SESSION_LIFE = "1d";
const PER = "must be a period and an amount, as in 24h=0.01LGO, or with the number of payments, as in 24h=0.01LGO,1000";

/** `24h=0.01LGO,1000`, as the mandate says it. */
const perField = z
  .string()
  .transform((text, check) => {
    const [, period = "", amount = "", count] = /^([^=]+)=([^,]+)(?:,([1-9][0-9]{0,14}))?$/.exec(text) ?? [];
    const written = writtenAmountSchema.safeParse(amount);
    const seconds = secondsOf(period);
    if (written.success && Number.isSafeInteger(seconds))
      return { seconds: String(seconds), amount: written.data, ...(count !== undefined && { count }) };
    check.issues.push({ code: "custom", message: PER, input: text });
    return z.NEVER;
  })
  .optional()
  .meta({ value: "limit", description: "the most per period: 24h=0.01LGO, or 24h=0.01LGO,1000 with a number of payments" });

export const limitFields = {
  origin: z
    .array(z.string())
    .default([])
    .meta({ value: "url", description: "a merchant that this machine has pinned; fills in its account. It may be repeated" }),
  payee: z
    .array(z.string())
    .default([])
    .meta({ value: "account", description: "an account that may be paid, or * for any; else those of the origins. It may be repeated" }),
  scheme: z
    .array(z.enum([SCHEME, UPTO], `must be ${SCHEME} or ${UPTO}`))
    .default([])
    .meta({ value: "scheme", description: `${SCHEME}, which is the default, or ${UPTO}: prices known afterwards. It may be repeated` }),
  perPayment: amountField.optional().meta({ value: "amount", description: `the most for one payment; of ${UPTO} its maximum counts` }),
  total: amountField.optional().meta({ value: "amount", description: "the most in all" }),
  per: perField,
  session: amountField.optional().meta({
    value: "amount",
    description: "let it open sessions: the most that all open ones set aside together. Within one, a single request may take all of it",
  }),
  sessionFor: periodField(MAX_SESSION_SECONDS)
    .optional()
    .meta({ value: "period", description: `the longest life of a session, up to 7d; ${DEFAULT_SESSION_LIFE}` }),
  sessions: z.coerce
    .number("must be a number of sessions")
    .int("must be a number of sessions")
    .min(1, "must be at least 1")
    .max(MAX_OPEN_SESSIONS, `must be at most ${MAX_OPEN_SESSIONS}`)
    .optional()
    .meta({ value: "number", description: "the most sessions that are open at once; 1" }),
  sessionDelay: periodField(MAX_WITHDRAW_DELAY_SECONDS)
    .refine((seconds) => seconds >= MIN_WITHDRAW_DELAY_SECONDS, `must be at least ${MIN_WITHDRAW_DELAY_SECONDS} seconds`)
    .optional()
    .meta({ value: "period", description: "the longest that a session's rest stays away once it is asked back; 15m" }),
  for: periodField(MAX_MANDATE_SECONDS)
    .optional()
    .meta({ value: "period", description: `how long it is valid, up to 90d; ${DEFAULT_LIFE}` }),
};

export type LimitInput = z.output<z.ZodObject<typeof limitFields>> & { note?: string | undefined };
type Sums = Pick<LimitInput, "per" | "for" | "note"> & Pick<Mandate, "perPayment" | "total">;
/** Who grants it, to which agent, on which ledger. */
type Parties = Pick<Mandate, "from" | "agent" | "ledger">;

/** From now on. */
export function draftMandate(context: Context, input: LimitInput, parties: Parties): Outcome<Mandate> {
  const { perPayment, total } = input;
  if (perPayment === undefined || total === undefined)
    return fail("usage", "A mandate needs --per-payment and --total: the most for one payment, and in all.");
  const sellers = sellersOf(context, input);
  if (!sellers.ok) return sellers;
  const session = sessionLimits(input);
  if (!session.ok) return session;
  const named: readonly string[] = input.scheme.length === 0 ? [SCHEME] : input.scheme;
  const schemes = sorted(session.data ? [...named, BATCH_SETTLEMENT] : named);
  return draft({ ...input, perPayment, total }, { ...parties, ...sellers.data, schemes: schemes as Mandate["schemes"] }, session.data);
}

type SessionInput = Pick<LimitInput, "session" | "sessionFor" | "sessions" | "sessionDelay">;

/** What the flags say of sessions; undefined if they allow none. */
function sessionLimits({ session, sessionFor, sessions, sessionDelay }: SessionInput): Outcome<Mandate["session"]> {
  if (session === undefined) {
    const given = [sessionFor, sessions, sessionDelay].some((flag) => flag !== undefined);
    return given ? fail("usage", "A mandate for sessions needs --session: the most that they set aside together.") : succeed(undefined);
  }
  return succeed({
    deposit: session,
    seconds: String(sessionFor ?? secondsOf(DEFAULT_SESSION_LIFE)),
    withdrawDelay: String(sessionDelay ?? MIN_WITHDRAW_DELAY_SECONDS),
    open: String(sessions ?? 1),
  });
}

/** A draft's limits for sessions with those that the flags name in their place. @returns undefined if a flag raises one, or there are none */
export function loweredSession(before: Mandate["session"], flags: SessionInput): { session: Mandate["session"] } | undefined {
  const { session = before?.deposit, sessionFor = before?.seconds, sessions = before?.open, sessionDelay = before?.withdrawDelay } = flags;
  if (!before) return Object.values(flags).every((flag) => flag === undefined) ? { session: before } : undefined;
  const after = {
    deposit: session ?? before.deposit,
    seconds: String(sessionFor),
    withdrawDelay: String(sessionDelay),
    open: String(sessions),
  };
  const raised =
    BigInt(after.deposit) > BigInt(before.deposit) ||
    Number(after.seconds) > Number(before.seconds) ||
    Number(after.withdrawDelay) > Number(before.withdrawDelay) ||
    Number(after.open) > Number(before.open);
  return raised ? undefined : { session: after };
}

/** A mandate that pays nothing but refunds, from now on. The ledger pays each of them to the account that made the payment. */
export function draftRefundMandate(sums: Sums, parties: Parties): Outcome<Mandate> {
  return draft(sums, { ...parties, payees: [ANY], origins: [ANY], schemes: [REFUND_SCHEME] });
}

function draft(
  { perPayment, total, per, note, for: seconds = secondsOf(DEFAULT_LIFE) }: Sums,
  scope: Parties & Pick<Mandate, "payees" | "origins" | "schemes">,
  session?: Mandate["session"],
): Outcome<Mandate> {
  const now = unixNow();
  return checkedMandate({
    version: "1",
    network: NETWORK,
    asset: ASSET,
    ...(session && { session }),
    ...scope,
    grantedAt: String(now),
    validAfter: String(now),
    validBefore: String(now + seconds - 1),
    perPayment,
    total,
    ...(per && { period: per }),
    ...(note !== undefined && { note }),
    salt: bytesToHex(randomBytes(32)) as Digest,
  });
}

/** The payees and origins: of an origin that this machine has pinned, the account is known. */
function sellersOf(context: Context, { origin: named, payee: accounts }: LimitInput): Outcome<Pick<Mandate, "payees" | "origins">> {
  if (named.length === 0) {
    return fail("usage", "Name the merchants that the agent may buy from: --origin https://shop.example, or --origin '*' for any.");
  }
  const origins: string[] = [];
  const payees: string[] = [...accounts];
  for (const text of named) {
    const origin = text === "*" ? text : originOf(text);
    if (origin === undefined) return fail("usage", `--origin: "${text}" is no origin. For example: https://shop.example`);
    origins.push(origin);
    if (accounts.length > 0) continue;
    if (origin === "*")
      return fail("usage", "With --origin '*', name the accounts that may be paid: --payee ACCOUNT, or --payee '*' for any.");
    const pin = pinOf(context, origin, NETWORK);
    if (!pin.ok) return pin;
    if (!pin.data) {
      return fail("usage", `This machine does not know the account of ${origin}.`, {
        hint: `Name it with --payee. A first purchase there pins it.`,
      });
    }
    payees.push(pin.data.payTo);
  }
  const isList = (list: string[], parse: (entry: string) => boolean) => list.every((entry) => entry === "*" || parse(entry));
  if (!isList(payees, (payee) => accountIdSchema.safeParse(payee).success)) return fail("usage", "--payee: not a LEZ account.");
  return succeed({ payees: sorted(payees) as Mandate["payees"], origins: sorted(origins) });
}

function sorted(list: readonly string[]): string[] {
  return list.includes("*") ? ["*"] : [...new Set(list)].sort();
}

/** Checks it as every reader will, with the room that a signature takes. */
export function checkedMandate(mandate: Mandate): Outcome<Mandate> {
  const shape = checkShape({ mandate, publicKey: "0".repeat(64), signature: "0".repeat(128) }, signedMandateSchema);
  if (shape.ok) return succeed(mandate);
  return fail("usage", `This cannot be a mandate: ${shape.problem.replace(/^mandate\.?/, "")}.`, {
    hint: `A signed mandate is at most ${MAX_SIGNED_MANDATE_BYTES} bytes, names 1 to 32 payees and origins, and ends within 90 days.`,
  });
}
