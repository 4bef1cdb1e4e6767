/** One transfer: the owner reads where the money goes, says yes, and exactly what was shown is signed. */

import { TRANSFER_VALIDITY_SECONDS } from "../../shared/limits.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import type { ProofSigner } from "../../shared/protocol/proof.ts";
import { signTransfer, transactionOfTransfer, type TransferTerms, transferTerms } from "../../shared/protocol/transfer.ts";
import { isTypedAmount, sameCode } from "../../shared/screen/answer.ts";
import { type TransferFacts, transferFacts, type TransferView } from "../../shared/screen/transfer-facts.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { RoleSigner } from "../keys/key-file.ts";
import { askTyped, askYesOrNo, interrupted } from "../prompts/prompts.ts";
import { anchorEntry } from "../records/audit-anchors.ts";
import { appendEntry, checkAudit } from "../records/audit-log.ts";
import { allPins, isOfLedger } from "../records/merchant-pins.ts";
import { findTransfer, keepTransfer, type KeptTransfer, transfersFrom } from "../records/transfers.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import type { Layout } from "../runtime/layout.ts";
import { exclusively } from "../runtime/lock.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { type BalanceInput, balanceOf } from "./account-balance.ts";
import { factsScreen } from "./facts-screen.ts";

/** Collects what the screen shows. Asks the facilitator for the balance, opens no key. */
export async function transferView(
  context: Context,
  input: BalanceInput,
  terms: TransferTerms,
  id: string,
): Promise<Outcome<TransferView>> {
  const [config, pins, kept] = [context.config(), allPins(context), await transfersFrom(context, terms.from)];
  if (!config.ok) return config;
  if (!pins.ok) return pins;
  if (!kept.ok) return kept;
  const same = kept.data.filter(({ signed: { authorization } }) => authorization.to === terms.to);
  return succeed({
    terms,
    id,
    balance: await balanceOf(context, input, terms.from),
    pins: pins.data.pins.filter(isOfLedger),
    sentSince: same.find(({ state }) => state === "made")?.signedAt,
    unconfirmed: same
      .filter(
        ({ state, signed: { authorization } }) =>
          state === "sent" && authorization.value === terms.value && authorization.nonce !== terms.nonce,
      )
      .map((transfer) => transfer.id),
    threshold: config.data.approvalThreshold,
  });
}

export function transferScreen(view: TransferView, layout: Layout): string[] {
  return factsScreen("TRANSFER", transferFacts(view), layout);
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
    isRight: (text) => sameCode(text, code) || isTypedAmount(text, value),
    wrong: "That is neither the amount nor the code of this transfer.",
  });
}

/**
 * Signs the transfer, records it and keeps it: only then may it be sent.
 * @param expired the transfer of the same id that was never made, and that this one replaces
 * @param owner whose key is at hand: it signs the audit log
 * @param payer the account that pays, if it is not the key's
 */
export async function approveTransfer(
  context: Context,
  { terms, id, expired }: { terms: TransferTerms; id: string; expired: KeptTransfer | undefined },
  owner: RoleSigner<"owner">,
  payer: ProofSigner = owner,
): Promise<Outcome<KeptTransfer>> {
  const now = unixNow();
  const window = { validAfter: String(now), validBefore: String(now + TRANSFER_VALIDITY_SECONDS) };
  const signed = await signTransfer({ ...terms, ...window, purpose: "transfer" }, payer);
  const transfer: KeptTransfer = { id, signedAt: formatTimestamp(now), signed, state: "sent" };
  return exclusively(context, async () => {
    const recordable = checkAudit(context);
    if (!recordable.ok) return recordable;
    const known = await findTransfer(context, terms.nonce);
    if (!known.ok) return known;
    if (JSON.stringify(known.data?.signed) !== JSON.stringify(expired?.signed))
      return fail("decided_meanwhile", "Another process has signed a transfer of this id. Nothing was sent here.", {
        hint: "Run it again.",
      });
    if (context.io.signal.aborted) return interrupted("Nothing was sent.");
    const noted = appendEntry(context, "transfer_signed", transferFactsOf(transfer, "transactionIfSettled"));
    if (!noted.ok) return noted;
    const anchored = await anchorEntry(context, noted.data, owner);
    if (!anchored.ok) return anchored;
    const kept = keepTransfer(context, transfer);
    return kept.ok ? succeed(transfer) : kept;
  });
}

/** A transfer's facts in the audit log. @param name of its transaction: `audit verify` finds the debit by either, also after a lost answer */
export function transferFactsOf({ id, signed }: KeptTransfer, name: "transaction" | "transactionIfSettled"): Record<string, string> {
  const { from, to, value, asset, ledger, nonce } = signed.authorization;
  return { id, from, to, amount: value, asset, ledger, nonce, [name]: transactionOfTransfer(signed.authorization) };
}
