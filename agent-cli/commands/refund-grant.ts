/** `refund grant`: the seller's owner signs limits once, within which the shop's key gives payments back. */

import * as z from "zod";
import { publicKeySchema } from "../../shared/crypto/bytes.ts";
import { MAX_MANDATE_SECONDS } from "../../shared/limits.ts";
import { type Mandate, mandateDigest } from "../../shared/protocol/mandate.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { worstCase } from "../../shared/screen/mandate-facts.ts";
import { money } from "../../shared/screen/money.ts";
import { unixNow } from "../../shared/time.ts";
import { confirmMandate, grantMandate, mandateScreen, mandateView } from "../approval/grant-mandate.ts";
import { defineCommand } from "../command-line/command.ts";
import { amountField, dryRunField, forceField, nameField, ownerFileField, periodField, textField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { askLedgerInTime } from "../facilitator/ledger-id.ts";
import { checkDestination } from "../keys/output-file.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { publishedKeys } from "../merchant/did-document.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { draftRefundMandate, limitFields } from "../purchase/mandate-draft.ts";
import { originOf } from "../runtime/config.ts";
import type { Context } from "../runtime/context.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { writeJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

export const refundGrant = defineCommand({
  name: "refund grant",
  audience: "owner",
  summary: "let a shop's key give payments back, within limits",
  description:
    "The key is the public half of the shop's RECEIPT_KEY; --origin reads it from the shop. It can refund what was paid to your account, to the account that paid, and nothing else. The file is for the shop, as its secret REFUND_MANDATE: a route with the option refund then gives back what it does not deliver. mandate list, show and revoke know it.",
  input: z.strictObject({
    key: textField(publicKeySchema).optional().meta({ value: "key", description: "the shop's public key, 64 hex digits" }),
    origin: nameField.optional().meta({ value: "url", description: "the shop, to read its key from /.well-known/did.json" }),
    perRefund: amountField.meta({ value: "amount", description: "the most for one refund" }),
    total: amountField.meta({ value: "amount", description: "the most in all" }),
    per: limitFields.per,
    for: periodField(MAX_MANDATE_SECONDS).optional().meta({ value: "period", description: "how long it is valid, up to 90d; 30d" }),
    out: nameField.meta({ value: "file", description: "file for the mandate; with --dry-run for its draft" }),
    ownerFile: ownerFileField,
    ...passphraseFields,
    ...facilitatorFields,
    ...dryRunField,
    ...forceField,
  }),
  output: z.strictObject({
    dryRun: z.literal(true).optional(),
    file: z.string(),
    shortCode: z.string(),
    mandate: z.string(),
    agentKey: z.string(),
    from: z.string(),
    /** The most that can be given back under it. */
    worst: moneySchema,
    ...expirySchema,
  }),
  examples: [
    {
      says: "the shop's own key, for 90 days",
      argv: "refund grant --origin https://shop.example --per-refund 0.01LGO --per 24h=0.1LGO --total 1LGO --for 90d --out refunds.json",
    },
    {
      says: "write it down, read it; then mandate grant --draft draft.json",
      argv: "refund grant --origin https://shop.example --per-refund 1000 --total 50000 --dry-run --out draft.json",
    },
  ],
  async run(context, input) {
    const place = checkDestination(input.out, input.force);
    if (!place.ok) return place;
    const owner = findOwner(context, input.ownerFile);
    if (!owner.ok) return owner;
    const key = await keyOf(context, input);
    if (!key.ok) return key;
    const ledger = await askLedgerInTime(context, input);
    if (!ledger.ok) return ledger;
    const parties = { from: owner.data.key.account, agent: key.data, ledger: ledger.data };
    const mandate = draftRefundMandate({ ...input, perPayment: input.perRefund }, parties);
    if (!mandate.ok) return mandate;
    const view = await mandateView(context, { ...input, offline: false }, mandate.data);
    if (!view.ok) return view;
    context.say(...mandateScreen(view.data, context.layout));
    if (input.dryRun) {
      const written = writeJson(input.out, mandate.data, input.force);
      return written.ok ? succeed({ dryRun: true as const, ...dataOf(mandate.data, input.out) }) : written;
    }
    const confirmed = await confirmMandate(context, view.data, undefined);
    if (!confirmed.ok) return confirmed;
    const signer = await openOwner(context, owner.data, input);
    if (!signer.ok) return signer;
    const granted = await grantMandate(context, mandate.data, signer.data, input);
    return granted.ok ? succeed(dataOf(mandate.data, input.out)) : granted;
  },
  render: (data, layout) => [
    data.dryRun
      ? "Nothing was signed."
      : layout.ink("green", `Granted: this shop may give back up to ${data.worst.display} without asking`),
    ...field(layout, "mandate", data.shortCode),
    ...(data.dryRun ? field(layout, "digest", data.mandate) : []),
    ...field(layout, "file", data.dryRun ? data.file : `${data.file}; for the shop: npx wrangler secret put REFUND_MANDATE < ${data.file}`),
    ...field(layout, "valid until", expiryText(data)),
    ...(data.dryRun ? [] : field(layout, "take it back", `lez-agent-pay mandate revoke ${data.shortCode}`)),
  ],
});

function dataOf(mandate: Mandate, file: string) {
  const digest = mandateDigest(mandate);
  return {
    file,
    shortCode: shortCode(digest),
    mandate: digest,
    agentKey: mandate.agent,
    from: mandate.from,
    worst: money(worstCase(mandate).toString(), mandate.asset),
    ...expiry(Number(mandate.validBefore), unixNow()),
  };
}

/** The key with which the shop signs now. */
async function keyOf(
  context: Context,
  { key, origin: text }: { key?: string | undefined; origin?: string | undefined },
): Promise<Outcome<string>> {
  if ((key === undefined) === (text === undefined))
    return fail("usage", "Name the shop's key: --key KEY, or --origin https://shop.example.");
  if (key !== undefined) return succeed(key);
  const origin = originOf(text ?? "");
  if (origin === undefined) return fail("usage", `--origin: "${text}" is no origin. For example: https://shop.example`);
  const published = await publishedKeys(context, origin);
  if (!published.ok)
    return fail("network", `${origin} shows no keys: ${published.problem}.`, { hint: "Set its RECEIPT_KEY, or name the key with --key." });
  const [signing, other] = published.keys.filter(({ asserts }) => asserts);
  if (signing && !other) return succeed(signing.publicKey);
  return fail("usage", `${origin} signs with ${signing ? "several keys" : "no key"}.`, { hint: "Name the key with --key." });
}
