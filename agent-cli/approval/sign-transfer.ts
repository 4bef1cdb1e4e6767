/** One transfer: the owner reads where the money goes, says yes, and exactly what was shown is signed. */

import { ASSET_SYMBOL } from "../../shared/lez.ts";
import { TRANSFER_VALIDITY_SECONDS } from "../../shared/limits.ts";
import { displayAmount, parseAmount } from "../../shared/protocol/amount.ts";
import { authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import { signTransfer, type TransferTerms, transferTerms } from "../../shared/protocol/transfer.ts";
import { type TransferFacts, transferFacts, type TransferView } from "../../shared/screen/transfer-facts.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { RoleSigner } from "../keys/key-file.ts";
import { askTyped, askYesOrNo, interrupted } from "../prompts/prompts.ts";
import { anchorEntry } from "../records/audit-anchors.ts";
import { appendEntry, checkAudit } from "../records/audit-log.ts";
import { allPins } from "../records/merchant-pins.ts";
import { findTransfer, keepTransfer, type KeptTransfer, sentSince } from "../records/transfers.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { field, type Layout, wrap } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { type BalanceInput, balanceOf } from "./account-balance.ts";
import { sameCode } from "./confirmation.ts";

/** Collects what the screen shows. Asks the facilitator for the balance, opens no key. */
export async function transferView(
  context: Context,
  input: BalanceInput,
  terms: TransferTerms,
  id: string,
): Promise<Outcome<TransferView>> {
  const [config, pins, since] = [context.config(), allPins(context), sentSince(context, terms.to)];
  if (!config.ok) return config;
  if (!pins.ok) return pins;
  if (!since.ok) return since;
  const balance = await balanceOf(context, input, terms.from);
  return succeed({ terms, id, balance, pins: pins.data.pins, sentSince: since.data, threshold: config.data.approvalThreshold });
}

export function transferScreen(view: TransferView, layout: Layout): string[] {
  const { shortCode: code, facts, warnings, says } = transferFacts(view);
  return [
    layout.ink("bold", `TRANSFER  ${code}`),
    "",
    ...facts.flatMap(({ label, value, strong }) => field(layout, label, value).map((line) => (strong ? layout.ink("bold", line) : line))),
    "",
    ...warnings.flatMap((warning) => wrap(`! ${warning}`, layout.width).map((line) => layout.ink("yellow", line))),
    ...(warnings.length > 0 ? [""] : []),
    ...says.flatMap((text) => wrap(text, layout.width)),
    "",
  ];
}

/** Asks for the owner's yes. @param confirmed the whole digest of the terms that were read, in place of the question */
export async function confirmTransfer(context: Context, view: TransferView, confirmed: string | undefined): Promise<Outcome<undefined>> {
  const digest = transferTerms(view.terms);
  const facts = transferFacts(view);
  if (confirmed !== undefined) {
    if (confirmed === digest) return succeed(undefined);
    return fail("request_differs", `--confirm names another transfer: this one is ${digest}.`, { hint: "Read it again." });
  }
  if (!context.interactive) {
    return fail("interaction_required", "A transfer waits for the owner, and there is no terminal to ask on.", {
      exit: EXIT.approvalPending,
      hint: "Run this in a terminal. Or read it first, with --id and --dry-run, and repeat it with --confirm and the digest that it names.",
      details: { terms: digest, amount: view.terms.value, to: view.terms.to },
    });
  }
  const yes = await ask(context, facts, view.terms);
  if (yes === undefined) return interrupted("Nothing was signed.");
  return yes ? succeed(undefined) : fail("not_approved", `Transfer ${facts.shortCode} was not approved. Nothing was signed.`);
}

function ask(context: Context, { warnings, shortCode: code }: TransferFacts, { value }: TransferTerms): Promise<boolean | undefined> {
  const question = `Send ${displayAmount(value)}?`;
  if (warnings.length === 0) return askYesOrNo(context, question);
  return askTyped(context, `${question} Type the amount or the code, or nothing to leave it`, {
    isRight: (text) => sameCode(text, code) || isAmountOf(text, value),
    wrong: "That is neither the amount nor the code of this transfer.",
  });
}

function isAmountOf(typed: string, value: string): boolean {
  const text = typed.trim().toUpperCase();
  return parseAmount(text) === value || [text, `${text} ${ASSET_SYMBOL}`].includes(displayAmount(value));
}

/**
 * Signs the transfer, records it and keeps it: only then may it be sent.
 * @param expired the transfer of the same id that was never made, and that this one replaces
 */
export async function approveTransfer(
  context: Context,
  { terms, id, expired }: { terms: TransferTerms; id: string; expired: KeptTransfer | undefined },
  owner: RoleSigner<"owner">,
): Promise<Outcome<KeptTransfer>> {
  const now = unixNow();
  const window = { validAfter: String(now), validBefore: String(now + TRANSFER_VALIDITY_SECONDS) };
  const signed = await signTransfer({ ...terms, ...window, purpose: "transfer" }, owner);
  const transfer: KeptTransfer = { id, signedAt: formatTimestamp(now), signed };
  return exclusively(context, async () => {
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const known = findTransfer(context, terms.nonce);
    if (!known.ok) return known;
    if (known.data?.signed.signature !== expired?.signed.signature)
      return fail("decided_meanwhile", "Another process has signed a transfer of this id. Nothing was sent here.", {
        hint: "Run it again.",
      });
    if (context.io.signal.aborted) return interrupted("Nothing was sent.");
    const noted = appendEntry(context, "transfer_signed", transferFactsOf(transfer));
    if (!noted.ok) return noted;
    const anchored = await anchorEntry(context, noted.data, owner);
    if (!anchored.ok) return anchored;
    const kept = keepTransfer(context, transfer);
    return kept.ok ? succeed(transfer) : kept;
  });
}

/** A transfer's facts in the audit log. */
export function transferFactsOf({ id, signed }: KeptTransfer): Record<string, string> {
  const { network, from, to, value, asset, ledger, nonce } = signed.authorization;
  // `audit verify` finds the debit by it, also after a lost answer.
  const transactionIfSettled = transactionOf(network, authorizationDigest(signed.authorization));
  return { id, from, to, amount: value, asset, ledger, nonce, transactionIfSettled };
}
