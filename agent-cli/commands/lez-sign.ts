/** `lez sign`: the owner signs a merchant's offer by hand, and sends nothing. */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { ASSET, isNativeNetwork } from "../../shared/lez.ts";
import { money } from "../../shared/screen/money.ts";
import { unixNow } from "../../shared/time.ts";
import { type PaymentRequired, paymentRequiredSchema, paymentRequirementsSchema } from "../../shared/x402/x402.ts";
import { type HandOffer, signOffer } from "../approval/sign-offer.ts";
import { sequencerFields } from "../chain/open-chain.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField, forceField, nameField, ownerFileField, secondsField, textField } from "../command-line/fields.ts";
import { findLezOwner, openLezOwner } from "../keys/lez-owner.ts";
import { checkDestination } from "../keys/output-file.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import type { Context } from "../runtime/context.ts";
import { expiry, expirySchema, expiryText } from "../runtime/expiry.ts";
import { readJson } from "../runtime/files.ts";
import { field } from "../runtime/layout.ts";
import { MAX_INBOX_FILE_BYTES } from "../runtime/limits.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

export const lezSign = defineCommand({
  name: "lez sign",
  audience: "owner",
  summary: "sign a merchant's offer on the chain itself by hand, and send nothing",
  description: [
    "Takes the merchant's 402 as a file, or one entry of its accepts, and needs no agent and no request. Shows what will be signed, asks for the amount in full, and writes the payment: a signed transfer and its statement. For what an agent asked for, use approve.",
    "The file is money: anyone who has it can broadcast it until its nonce is used. The merchant takes it as PAYMENT-SIGNATURE; lez send broadcasts it.",
  ].join("\n\n"),
  input: z.strictObject({
    offer: nameField.meta({ positional: true, description: "a file with the merchant's 402, or with one entry of its accepts" }),
    out: nameField.meta({ value: "file", description: "file for the signed payment" }),
    ownerFile: ownerFileField,
    expiresIn: secondsField.optional().meta({ value: "seconds", description: "let the statement end sooner than offered" }),
    confirm: textField(digestSchema)
      .optional()
      .meta({ value: "digest", description: "the digest of the offer that --dry-run named, in place of the question" }),
    ...passphraseFields,
    ...sequencerFields,
    ...dryRunField,
    ...forceField,
  }),
  output: z.strictObject({
    dryRun: z.literal(true).optional(),
    file: z.string().optional(),
    /** Of the offer: what --confirm takes. */
    digest: z.string(),
    network: z.string(),
    from: z.string(),
    to: z.string(),
    amount: moneySchema,
    /** The most that the chain may charge beside the amount. */
    maxFee: moneySchema,
    nonce: z.string(),
    transaction: z.string().optional(),
    /** When the statement ends. The transfer does not. */
    ...expirySchema,
  }),
  examples: [
    { says: "read it, type the amount, sign it", argv: "lez sign offer.json --out payment.json" },
    { says: "only read it", argv: "lez sign offer.json --out payment.json --dry-run" },
    { says: "with another key", argv: "lez sign offer.json --out payment.json --owner-file savings.json" },
  ],
  async run(context, input) {
    const writable = checkDestination(input.out, input.force);
    if (!writable.ok) return writable;
    const offer = readOffer(context, input.offer);
    if (!offer.ok) return offer;
    const owner = findLezOwner(context, input.ownerFile);
    if (!owner.ok) return owner;
    const done = await signOffer(context, input, offer.data, owner.data, () => openLezOwner(context, owner.data, input));
    if (!done.ok) return done;
    const { digest, view, signed } = done.data;
    const { transfer, network } = view.draft;
    const statement = signed?.statement ?? view.draft.statement;
    const data = {
      digest,
      network,
      from: transfer.from,
      to: transfer.to,
      amount: money(transfer.value.toString(), ASSET),
      maxFee: money(transfer.fee.maxFee.toString(), ASSET),
      nonce: transfer.nonce.toString(),
      ...expiry(Number(statement.validBefore), unixNow()),
    };
    return succeed(signed ? { file: input.out, ...data, transaction: signed.transaction } : { dryRun: true as const, ...data });
  },
  render: (data, layout) => [
    data.dryRun ? "Nothing was signed." : layout.ink("green", `Signed, and not sent: ${data.amount.display}`),
    ...field(layout, "to", data.to),
    ...(data.file === undefined ? field(layout, "digest", data.digest) : field(layout, "payment", `${data.file}: it is money`)),
    ...(data.transaction === undefined ? [] : field(layout, "transaction", data.transaction)),
    ...field(layout, "statement", `until ${expiryText(data)}; the transfer has no end`),
  ],
});

/** The one entry of a 402 that is paid on the chain itself, or the entry alone. */
function readOffer({ files }: Context, file: string): Outcome<HandOffer> {
  const options = {
    what: "merchant's offer",
    maxBytes: MAX_INBOX_FILE_BYTES,
    named: true as const,
    written: "Save the body of the merchant's 402 as it is, or one entry of its accepts.",
  };
  const required = readJson(file, paymentRequiredSchema, options, files.read);
  if (required.ok) return chooseOffer(required.data, file);
  const entry = readJson(file, paymentRequirementsSchema, options, files.read);
  return entry.ok ? succeed({ offer: entry.data, url: undefined }) : required;
}

function chooseOffer({ accepts, resource }: PaymentRequired, file: string): Outcome<HandOffer> {
  const native = accepts.filter(({ network }) => isNativeNetwork(network));
  const [offer] = native;
  if (offer && native.length === 1) return succeed({ offer, url: resource.url });
  return offer
    ? fail("unsupported", `"${file}" has ${native.length} offers on the chain itself. Nothing was signed.`, {
        hint: "Put the one to pay into a file of its own.",
      })
    : fail("unsupported", `"${file}" has no offer on the chain itself. Nothing was signed.`, {
        hint: "An offer on the mock ledger is paid through an agent's request: lez-agent-pay approve.",
      });
}
