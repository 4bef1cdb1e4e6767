/** `send`: the owner sends money from an account to another. It buys nothing. */

import * as z from "zod";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { parseAccountId } from "../../shared/protocol/account.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { policySigner } from "../../shared/protocol/policy-signer.ts";
import { accountOfPolicy, type Policy } from "../../shared/protocol/policy.ts";
import { transactionOfTransfer, transferNonce, transferTerms, type TransferTerms } from "../../shared/protocol/transfer.ts";
import { quote } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import { unixNow } from "../../shared/time.ts";
import { approveTransfer, confirmTransfer, transferFactsOf, transferScreen, transferView } from "../approval/sign-transfer.ts";
import { defineCommand } from "../command-line/command.ts";
import { amountField, dryRunField, ownerFileField, textField } from "../command-line/fields.ts";
import { facilitatorFields } from "../facilitator/client.ts";
import { askLedgerInTime } from "../facilitator/ledger-id.ts";
import { sendTransfer } from "../facilitator/send-transfer.ts";
import { askSettlement } from "../facilitator/settlement-status.ts";
import type { FoundKey } from "../keys/key-file.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import { appendEntry } from "../records/audit-log.ts";
import { findTransfer, keepTransfer, type KeptTransfer } from "../records/transfers.ts";
import { type Context, warn } from "../runtime/context.ts";
import { field, type Layout } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Next, type Outcome, succeed } from "../runtime/outcome.ts";

const ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/;
const RANDOM_ID_BYTES = 8;

/** What `recover` takes, too. */
export const transferFields = {
  account: z.string().meta({ positional: true, description: "the account that gets the money" }),
  amount: amountField.meta({ value: "amount", positional: true, description: "as in 1.5LGO, or in atomic units" }),
  id: z
    .string()
    .regex(ID, "must be 1 to 64 letters, digits, or . _ : -")
    .optional()
    .meta({ value: "id", description: "your name for this transfer: one id pays once; else a random one" }),
  confirm: textField(digestSchema)
    .optional()
    .meta({ value: "digest", description: "the digest that --dry-run named for this --id, in place of the question" }),
  ownerFile: ownerFileField,
  ...passphraseFields,
  ...facilitatorFields,
  ...dryRunField,
};
const input = z.strictObject(transferFields);
type Input = z.output<typeof input>;

export const transferOutput = z.strictObject({
  dryRun: z.literal(true).optional(),
  /** It was made before; nothing was sent now. */
  again: z.literal(true).optional(),
  id: z.string(),
  shortCode: z.string(),
  /** The digest that --confirm takes. */
  terms: z.string(),
  from: z.string(),
  to: z.string(),
  amount: moneySchema,
  transaction: z.string().optional(),
});

export const send = defineCommand({
  name: "send",
  audience: "owner",
  summary: "send money from your account to another",
  description:
    "Buys nothing, and cannot be taken back. The account may be a key's, a passkey's or that of several keys: its id does not say which, so copy it from its owner's page or tool. A seller withdraws with it, too. After a lost answer the same --id sends the same transfer again: it is made once.",
  input,
  output: transferOutput,
  examples: [
    { says: "half an LGO", argv: "send 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj 0.5LGO" },
    {
      says: "once, however often it runs",
      argv: "send 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj 20LGO --id withdrawal-2026-11 --owner-file seller.json",
    },
    { says: "read it, sign nothing", argv: "send 6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj 20LGO --id withdrawal-2026-11 --dry-run" },
  ],
  async run(context, input) {
    const owner = findOwner(context, input.ownerFile);
    return owner.ok ? sendFrom(context, input, { key: owner.data }) : owner;
  },
  render: transferText,
});

/** Whose money is sent: that of the key, or of an account for which the key signs. */
export interface Payer {
  key: FoundKey;
  /** Of a policy that one key signs for. */
  policy?: Policy;
}

export async function sendFrom(context: Context, input: Input, payer: Payer): Promise<Outcome<z.output<typeof transferOutput>>> {
  const to = parseAccountId(input.account);
  if (!to.ok) return fail("usage", `<account>: ${to.problem}.`);
  const from = payer.policy ? accountOfPolicy(payer.policy) : payer.key.key.account;
  if (to.account === from) return fail("usage", "<account> is your own: this would move nothing.");
  const ledger = await askLedgerInTime(context, input);
  if (!ledger.ok) return ledger;
  const id = input.id ?? bytesToHex(randomBytes(RANDOM_ID_BYTES));
  const nonce = transferNonce(from, id);
  const terms = { network: NETWORK, asset: ASSET, ledger: ledger.data, from, to: to.account, value: input.amount, nonce };
  const before = await findTransfer(context, nonce);
  if (!before.ok) return before;
  const known = before.data && (await continued(context, input, before.data, terms));
  if (known && !known.ok) return known;
  if (known?.data === "made" && before.data) return succeed({ again: true as const, ...dataOf(terms, id), ...madeAs(before.data) });
  if (known?.data === "send" && before.data && !input.dryRun) return deliver(context, input, before.data);
  const transfer = await approved(context, input, payer, { terms, id, expired: before.data });
  if (!transfer.ok) return transfer;
  return transfer.data ? deliver(context, input, transfer.data) : succeed({ dryRun: true as const, ...dataOf(terms, id) });
}

export function transferText(
  { dryRun, again, amount, to, id, terms, transaction }: z.output<typeof transferOutput>,
  layout: Layout,
): string[] {
  return [
    dryRun ? "Nothing was signed." : layout.ink("green", again ? `Sent before: ${amount.display}` : `Sent ${amount.display}`),
    ...field(layout, "to", to),
    ...field(layout, "id", id),
    ...(dryRun ? field(layout, "digest", terms) : field(layout, "transaction", transaction ?? "")),
  ];
}

const madeAs = ({ signed }: KeptTransfer) => ({ transaction: transactionOfTransfer(signed.authorization) });

function dataOf(terms: TransferTerms, id: string) {
  const digest = transferTerms(terms);
  return {
    id,
    shortCode: shortCode(digest),
    terms: digest,
    from: terms.from,
    to: terms.to,
    amount: money(terms.value, terms.asset),
  };
}

/** Asks the owner, and signs. Undefined for a dry run. */
async function approved(
  context: Context,
  input: Input,
  { key, policy }: Payer,
  asked: { terms: TransferTerms; id: string; expired: KeptTransfer | undefined },
): Promise<Outcome<KeptTransfer | undefined>> {
  const view = await transferView(context, { ...input, offline: false }, asked.terms, asked.id);
  if (!view.ok) return view;
  context.say(...transferScreen(view.data, context.layout));
  if (input.dryRun) return succeed(undefined);
  const confirmed = await confirmTransfer(context, view.data, input.confirm);
  if (!confirmed.ok) return confirmed;
  const signer = await openOwner(context, key, input);
  if (!signer.ok) return signer;
  return approveTransfer(context, asked, signer.data, policy && policySigner(policy, [signer.data]));
}

/** What is left to do for an id that was used before: nothing, to send the same bytes again, or to sign anew because they have expired. */
async function continued(
  context: Context,
  input: Input,
  before: KeptTransfer,
  terms: TransferTerms,
): Promise<Outcome<"made" | "send" | "sign">> {
  const { authorization } = before.signed;
  if (transferTerms(authorization) !== transferTerms(terms)) {
    return fail(
      "usage",
      `The id ${quote(before.id)} is of another transfer: ${money(authorization.value, ASSET).display} to ${authorization.to}.`,
      {
        hint: "Repeat that one as it was, or take another id.",
      },
    );
  }
  if (before.state !== "sent") return succeed(before.state === "made" ? "made" : "sign");
  if (Number(authorization.validBefore) >= unixNow()) return succeed("send");
  const asked = await askSettlement(context, input, authorization);
  if (!asked.ok) return asked;
  const { conclusion, doubt } = asked.data;
  if (conclusion === "paid") return succeed("send"); // the ledger repeats its answer
  if (conclusion === "not_paid") return succeed("sign");
  return fail(
    "outcome_unknown",
    `Whether transfer ${quote(before.id)} was made is not known${doubt ? `: ${doubt}` : ""}. Nothing was sent now.`,
    {
      hint: "lez-agent-pay accounts shows what left the account. Another id makes another transfer.",
    },
  );
}

async function deliver(context: Context, input: Input, transfer: KeptTransfer) {
  const outcome = await sendTransfer(context, input, transfer.signed);
  if (outcome.kind === "made" || outcome.kind === "refused") {
    const noted = await note(context, transfer, outcome.kind);
    if (outcome.kind === "refused") return noted.ok ? outcome.failure : noted;
    // The money moved, whatever this machine could record.
    if (!noted.ok) warn(context, `It was sent, and not recorded here: ${noted.error.message}`);
    return succeed({ ...dataOf(transfer.signed.authorization, transfer.id), ...madeAs(transfer) });
  }
  const argv = ["lez-agent-pay", ...context.argv, ...(input.id === undefined ? ["--id", transfer.id] : [])];
  const next: Next = { argv, by: "owner", why: "send the same transfer again; it is made once" };
  if (outcome.kind === "open") return { ...outcome.failure, next };
  return fail("outcome_unknown", `Whether the transfer was made is not known. ${outcome.failure.error.message}`, {
    hint: "Sign no other one: the next command sends the same transfer again, and it is made once.",
    details: { id: transfer.id },
    next,
  });
}

/** The log before the record: a run that dies in between sends the transfer again, and gets the same answer. */
function note(context: Context, transfer: KeptTransfer, state: "made" | "refused"): Promise<Outcome<undefined>> {
  return exclusively(context, () => {
    const [event, name] =
      state === "made" ? (["transferred", "transaction"] as const) : (["transfer_refused", "transactionIfSettled"] as const);
    const entry = appendEntry(context, event, transferFactsOf(transfer, name));
    return entry.ok ? keepTransfer(context, { ...transfer, state }) : entry;
  });
}
