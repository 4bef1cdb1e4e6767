/** `owner approve`: the owner reads what will be paid, to whom, for what, and signs exactly that. */
import * as z from "zod";
import { authorizationFor, signPayload } from "../../shared/approval.ts";
import { canonicalJson } from "../../shared/digest.ts";
import {
  checkPaymentRequest,
  type PaymentRequest,
  paymentRequestSchema,
  type RequestCheck,
  shortCode,
} from "../../shared/payment-request.ts";
import { unixNow } from "../../shared/time.ts";
import type { PaymentRequired } from "../../shared/x402.ts";
import { type ApprovalView, approvalScreen } from "../approval-screen.ts";
import { defineCommand } from "../command.ts";
import { confirm } from "../confirmation.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { forceField, outField, requestFileField, secondsField } from "../fields.ts";
import { checkWritable, readJson, writeJson } from "../files.ts";
import { allowHttpField, safeUrl } from "../http-request.ts";
import { isSealed, readKeyFile, unlockKey } from "../keystore.ts";
import { field } from "../layout.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../outcome.ts";
import { findDecision, history, remember } from "../owner-record.ts";
import { passphraseFields, readPassphrase } from "../passphrase.ts";
import { interrupted } from "../prompts.ts";
import { requestRefused } from "../refusals.ts";
import { isWhatWasShown } from "../shown-is-signed.ts";
import { requireTerms } from "../terms.ts";
import { expiry, expirySchema, expiryText, money, moneySchema } from "../views.ts";

type Checked = Extract<RequestCheck, { ok: true }>;

export const ownerApprove = defineCommand({
  name: "owner approve",
  audience: "owner",
  summary: "read a payment request and sign it, or not",
  description: "Shows what will be paid, to whom and for what, asks, and signs exactly what was shown.",
  input: z.strictObject({
    requestFile: requestFileField,
    ownerFile: z.string().default("owner.json").meta({ value: "file", description: "the owner's key; owner.json" }),
    out: outField.meta({ description: "where the signed payment goes" }),
    expiresIn: secondsField.optional().meta({ value: "seconds", description: "let the payment be valid for less long than offered" }),
    checkTerms: z.boolean().default(false).meta({ description: "ask the merchant whether these are its terms (GET only)" }),
    confirm: z
      .string()
      .optional()
      .meta({ value: "code", description: "the request's short code in place of the question; skips no check" }),
    ...passphraseFields,
    ...allowHttpField,
    ...forceField,
  }),
  output: z.strictObject({
    file: z.string(),
    requestDigest: z.string(),
    shortCode: z.string(),
    approved: moneySchema,
    from: z.string(),
    to: z.string(),
    method: z.string(),
    url: z.string(),
    /** When the signed payment stops being valid. */
    ...expirySchema,
  }),
  examples: [
    {
      says: "read, decide, sign",
      argv: "owner approve --request-file request.json --owner-file owner.json --out payment-payload.json",
    },
    {
      says: "without a terminal, by the code that was read elsewhere",
      argv: "owner approve --request-file request.json --out payment-payload.json --confirm 7F3K-9QPD --passphrase-file secret.txt",
    },
  ],
  async run(context, input) {
    const writable = checkWritable(input.out, input.force);
    if (!writable.ok) return writable;
    const request = readJson(input.requestFile, paymentRequestSchema, { what: "payment request" });
    if (!request.ok) return request;
    const checked = await checkForOwner(context, request.data);
    if (!checked.ok) return checked;
    const key = readKeyFile(input.ownerFile, "owner");
    if (!key.ok) return key;
    const conflict = keyConflict(request.data, key.data);
    if (conflict) return conflict;
    const offered = Number(request.data.payment.maxTimeoutSeconds);
    if (input.expiresIn !== undefined && input.expiresIn > offered) {
      return fail("usage", `--expires-in can only shorten: the merchant offers ${offered} seconds.`);
    }
    const merchant: Outcome<PaymentRequired | undefined> = input.checkTerms
      ? await merchantsOwnTerms(context, request.data, checked.data, input.allowHttp)
      : succeed(undefined);
    if (!merchant.ok) return merchant;

    const now = unixNow();
    const shown = authorizationFor(request.data, checked.data, key.data.account, now, input.expiresIn);
    const view: ApprovalView = {
      request: request.data,
      checked: checked.data,
      authorization: shown,
      now,
      history: history(context),
      merchant: merchant.data,
    };
    context.say(...approvalScreen(view, context.layout), "");
    const confirmed = await confirm(context, view, input.confirm);
    if (!confirmed.ok) return confirmed;

    if (!isSealed(key.data))
      context.say(context.layout.ink("yellow", "! This owner key is not sealed: whoever can read the file can spend."));
    const passphrase = isSealed(key.data) ? await readPassphrase(context, input, input.ownerFile) : undefined;
    if (passphrase && !passphrase.ok) return passphrase;
    const owner = await unlockKey(key.data, "owner", passphrase?.data);
    passphrase?.data.wipe();
    if (!owner.ok) return owner;

    // The owner may have read for a while: the clock that is signed is the one at the yes, and the request must still stand.
    const signedAt = unixNow();
    const still = await checkPaymentRequest(request.data, signedAt);
    if (!still.ok) return requestRefused(still);
    const authorization = authorizationFor(request.data, still, owner.data.account, signedAt, input.expiresIn);
    const payload = await signPayload(request.data, still, authorization, owner.data);
    if (!(await isWhatWasShown(payload, shown, still.offer))) {
      return fail("request_differs", "What was signed is not what was shown. Nothing was written.", {
        hint: "Do not approve this request.",
      });
    }
    if (context.io.signal.aborted) return interrupted();
    const remembered = remember(context, request.data, "approved");
    if (!remembered.ok) return remembered;
    const written = writeJson(input.out, payload, input.force);
    if (!written.ok) return written;
    return succeed(
      {
        file: input.out,
        requestDigest: still.digest,
        shortCode: shortCode(still.digest),
        approved: money(authorization.value, authorization.asset),
        from: authorization.from,
        to: authorization.to,
        method: request.data.http.method,
        url: request.data.http.url,
        ...expiry(Number(authorization.validBefore), signedAt),
      },
      { argv: ["lez-agent-pay", "pay", input.out], by: "agent", why: "send the request with this payment" },
    );
  },
  render: (data, layout) => [
    layout.ink("green", `Approved: ${data.approved.display} for ${data.method} ${data.url}`),
    ...field(layout, "request", data.shortCode),
    ...field(layout, "payment", `${data.file}, to be handed to the agent`),
    ...field(layout, "valid until", expiryText(data)),
  ],
});

/** All that can be refused before a person is troubled. */
async function checkForOwner(context: Context, request: PaymentRequest): Promise<Outcome<Checked>> {
  const checked = await checkPaymentRequest(request, unixNow());
  if (!checked.ok) return requestRefused(checked);
  const declined = findDecision(context, checked.digest, "declined");
  if (!declined.ok) return declined;
  if (!declined.data) return succeed(checked);
  return fail("declined", `You declined this request at ${declined.data.at} (${declined.data.code ?? "other"}). That is final.`, {
    hint: "If it is wanted after all, the agent has to make a new request.",
    details: { requestDigest: checked.digest, code: declined.data.code },
  });
}

function keyConflict(request: PaymentRequest, { publicKey, account }: { publicKey: string; account: string }): Failure | undefined {
  if (publicKey === request.agent.publicKey) {
    return fail("wrong_role", "This request was made with the owner's own key. Agent and owner must be two keys.", {
      hint: "Let the agent make its own key: lez-agent-pay agent create --out agent.json",
    });
  }
  if (account === request.payment.payTo) {
    return refuse("recipient_mismatch", EXIT.differs, "This request would pay the owner's own account; payer and payee must differ.");
  }
  return undefined;
}

/** Asks the merchant itself: does it offer, word for word, what the request says it offers? */
async function merchantsOwnTerms(
  context: Context,
  { http }: PaymentRequest,
  { offer }: Checked,
  allowHttp: boolean,
): Promise<Outcome<PaymentRequired>> {
  if (http.method !== "GET") return fail("usage", "--check-terms works for GET only: anything else could do something by being asked.");
  const url = safeUrl(http.url, allowHttp);
  if (!url.ok) return url;
  const terms = await requireTerms(context, { method: "GET", url: url.data, headers: [] });
  if (!terms.ok) return terms;
  const wanted = canonicalJson(offer);
  if (terms.data.offers.some((candidate) => canonicalJson(candidate) === wanted)) return succeed(terms.data.required);
  return fail("terms_differ", "The merchant's own terms are not the ones in this request.", {
    hint: "Do not approve it. The agent can make a new request from the merchant's terms.",
    details: { requested: offer, offered: terms.data.offers },
  });
}
