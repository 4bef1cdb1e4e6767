/**
 * What an owner whose key is at this terminal asks of a hosted desk, under a login that the key has signed. The cookie is in the memory of
 * this process alone. With it one reads, and declines; what pays carries a proof of its own.
 */

import * as z from "zod";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { API_PATH } from "../../shared/desk/api.ts";
import type { HostedAsk, HostedCallName } from "../../shared/desk/hosted-api.ts";
import { accountIdSchema } from "../../shared/protocol/account.ts";
import { amountSchema } from "../../shared/protocol/amount.ts";
import { authorizationSchema } from "../../shared/protocol/authorization.ts";
import { type Login, loginDigest } from "../../shared/protocol/desk.ts";
import { mandateSchema } from "../../shared/protocol/mandate.ts";
import { memberProofSchema } from "../../shared/protocol/proof.ts";
import { sessionSchema } from "../../shared/protocol/session.ts";
import { unixNow } from "../../shared/time.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import type { Context } from "../runtime/context.ts";
import { DESK_ANSWER_SECONDS } from "../runtime/limits.ts";
import { exitOf, type Failure, type Outcome, succeed, type Success } from "../runtime/outcome.ts";
import { answerOf, type DeskFailure } from "./client.ts";
import { type DeskOwner, signAtDesk } from "./desk-owner.ts";

/** Browsers keep a cookie of this prefix from its own host alone. */
const COOKIE = /^__Host-desk=[1-9A-HJ-NP-Za-km-z]{32,44}\.[0-9a-f]{64}(?=;|$)/;

const part = { proofs: z.array(memberProofSchema) };
const sum = z.looseObject({ amount: amountSchema });

/** Of each answer, what is read here. */
const ANSWERS = {
  loginNonce: z.looseObject({ nonce: digestSchema }),
  login: z.looseObject({ account: accountIdSchema }),
  logout: z.looseObject({}),
  requests: z.looseObject({
    requests: z.array(z.looseObject({ requestDigest: digestSchema, state: z.string() })),
    nextCursor: z.string().optional(),
  }),
  request: z.looseObject({ state: z.string() }),
  file: z.looseObject({ text: z.string() }),
  read: z.looseObject({
    partial: z
      .union([
        z.looseObject({ ...part, authorization: authorizationSchema, session: z.undefined().optional() }),
        z.looseObject({ ...part, session: sessionSchema, authorization: z.undefined().optional() }),
      ])
      .optional(),
  }),
  decide: z.looseObject({}),
  partial: z.looseObject({ whole: z.boolean(), missing: z.int().nonnegative() }),
  refuse: z.looseObject({ already: z.boolean().optional() }),
  mandates: z.looseObject({
    mandates: z.array(z.looseObject({ total: sum, usage: z.looseObject({ left: sum }).optional() })),
    proposed: z.array(z.looseObject({ mandate: mandateSchema, signedBy: z.array(accountIdSchema), endsAt: z.string() })),
  }),
  grantPart: z.looseObject({ whole: z.boolean(), missing: z.int().nonnegative() }),
  dropProposed: z.looseObject({}),
} as const satisfies Partial<Record<HostedCallName, z.ZodType>>;

type OwnerCall = keyof typeof ANSWERS;
export type OwnerAnswer<Name extends OwnerCall> = z.output<(typeof ANSWERS)[Name]>;

export class OwnerLogin {
  readonly desk: string;
  readonly #context: Context;
  #cookie: string | undefined;

  constructor(context: Context, desk: string) {
    this.#context = context;
    this.desk = desk;
  }

  /** The desk takes calls with its own origin alone, which is how no other site's page can make one. */
  async call<Name extends OwnerCall>(name: Name, ask: HostedAsk<Name>): Promise<Success<OwnerAnswer<Name>> | DeskFailure> {
    const headers: [string, string][] = [
      ["origin", this.desk],
      ["content-type", "application/json"],
      ...(this.#cookie === undefined ? [] : [["cookie", this.#cookie] satisfies [string, string]]),
    ];
    const request = { method: "POST", url: `${this.desk}${API_PATH}${name}`, headers, body: utf8(JSON.stringify(ask)) };
    const answered = await answerOf(this.#context, this.desk, request, { answer: ANSWERS[name], timeoutSeconds: DESK_ANSWER_SECONDS });
    if (!answered.ok) return ownExit(answered);
    const { response, data } = answered;
    if (name === "login") this.#cookie = COOKIE.exec(response.headers["set-cookie"] ?? "")?.[0];
    return succeed(data as OwnerAnswer<Name>);
  }

  /** Best effort: a login ends by itself after an hour. */
  async end(): Promise<void> {
    if (this.#cookie !== undefined && !this.#context.io.signal.aborted) await this.call("logout", {});
    this.#cookie = undefined;
  }
}

/** Opens the key for one Login, and wipes it. */
export async function signInAt(context: Context, desk: string, owner: DeskOwner, input: PassphraseInput): Promise<Outcome<OwnerLogin>> {
  const { account } = owner;
  const login = new OwnerLogin(context, desk);
  // Before the passphrase: a desk that is down spares the owner its typing.
  const asked = await login.call("loginNonce", { account });
  if (!asked.ok) return asked;
  const object: Login = { version: "1", origin: desk, account, nonce: asked.data.nonce, issuedAt: String(unixNow()) };
  const proof = await signAtDesk(context, owner, loginDigest(object), input);
  if (!proof.ok) return proof;
  const opened = await login.call("login", { login: { login: object, ...proof.data } });
  return opened.ok ? succeed(login) : opened;
}

/** The exit code of a refusal is the one that its code has here. */
function ownExit(failure: DeskFailure): DeskFailure {
  const exit: Failure["exit"] | undefined = failure.silent ? undefined : exitOf(failure.error.code);
  return exit === undefined ? failure : { ...failure, exit };
}
