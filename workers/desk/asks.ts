/** The shape of each call of the page. */

import * as z from "zod/mini";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { EXPORT_FORMATS } from "../../shared/desk/api.ts";
import type { HostedCallName } from "../../shared/desk/hosted-api.ts";
import { MAX_NAME_LENGTH, MAX_VALIDITY_SECONDS } from "../../shared/limits.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { authorizationSchema } from "../../shared/protocol/authorization.ts";
import { decisionRecordSchema } from "../../shared/protocol/decision-record.ts";
import { signedDeskSettingSchema, signedLoginSchema, signedPairingSchema } from "../../shared/protocol/desk.ts";
import { mandateSchema, signedMandateSchema } from "../../shared/protocol/mandate.ts";
import { policySchema } from "../../shared/protocol/policy.ts";
import { memberProofSchema } from "../../shared/protocol/proof.ts";
import { signedRevocationSchema } from "../../shared/protocol/revocation.ts";
import { sessionSchema } from "../../shared/protocol/session.ts";
import { nameText } from "../../shared/text/text.ts";
import { paymentPayloadSchema } from "../../shared/x402/x402.ts";

const MAX_WORD_LENGTH = 300;
const MAX_HISTORY_DAYS = 400;

const nothing = z.strictObject({});
const word = z.string().check(z.maxLength(MAX_WORD_LENGTH));
const request = z.strictObject({ request: digestSchema });
const part = z.extend(request, { proof: memberProofSchema, policy: policySchema });
const wholeNumber = z.int().check(z.nonnegative());

export const ASKS = {
  desk: nothing,
  keys: z.strictObject({ account: accountIdSchema }),
  loginNonce: z.strictObject({ account: accountIdSchema }),
  login: z.strictObject({ login: signedLoginSchema }),
  logout: nothing,
  state: nothing,
  requests: z.strictObject({ all: z.boolean(), cursor: z.optional(z.string().check(z.regex(/^[0-9]{1,12}$/))) }),
  request,
  read: z.extend(request, { expiresIn: z.optional(z.int().check(z.positive(), z.maximum(MAX_VALIDITY_SECONDS))) }),
  readNative: request,
  file: request,
  decide: z.strictObject({ payment: paymentPayloadSchema }),
  partial: z.union(
    [z.extend(part, { authorization: authorizationSchema }), z.extend(part, { session: sessionSchema })],
    "takes request, proof, policy, and a right authorization or session",
  ),
  refuse: z.strictObject({ record: decisionRecordSchema }),
  revoke: z.strictObject({ revocation: signedRevocationSchema }),
  grant: z.strictObject({ mandate: signedMandateSchema }),
  grantPart: z.strictObject({ mandate: mandateSchema, proof: memberProofSchema, policy: policySchema }),
  dropProposed: z.strictObject({ mandate: digestSchema }),
  mandates: z.strictObject({ all: z.boolean() }),
  pairing: z.strictObject({ place: digestSchema }),
  pair: z.strictObject({ pairing: signedPairingSchema, name: nameText(MAX_NAME_LENGTH) }),
  settings: nothing,
  set: z.strictObject({ setting: signedDeskSettingSchema }),
  history: z.strictObject({
    days: wholeNumber.check(z.minimum(1), z.maximum(MAX_HISTORY_DAYS)),
    agent: z.optional(word),
    merchant: z.optional(word),
    day: z.optional(z.iso.date()),
  }),
  receipt: request,
  export: z.strictObject({ format: z.enum(EXPORT_FORMATS) }),
} as const satisfies Record<HostedCallName, z.core.$ZodType>;

export type AskOf<Name extends HostedCallName> = z.output<(typeof ASKS)[Name]>;

/** Without a login. */
export const OPEN_CALLS = ["desk", "keys", "loginNonce", "login", "logout"] as const;
export type SessionCallName = Exclude<HostedCallName, (typeof OPEN_CALLS)[number]>;

export function isCallName(name: string): name is HostedCallName {
  return Object.hasOwn(ASKS, name);
}

export function isOpenCall(name: HostedCallName): name is (typeof OPEN_CALLS)[number] {
  return (OPEN_CALLS as readonly string[]).includes(name);
}
