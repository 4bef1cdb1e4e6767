/** What an owner reads before it sends money that buys nothing. */

import { displayAmount } from "../protocol/amount.ts";
import { shortCode } from "../protocol/payment-request.ts";
import { type TransferTerms, transferTerms } from "../protocol/transfer.ts";
import { showUnsafe } from "./escapes.ts";
import type { Fact } from "./facts.ts";
import type { BalanceView, MerchantPin } from "./view.ts";

export interface TransferView {
  terms: TransferTerms;
  /** The owner's own name for it. */
  id: string;
  balance: BalanceView;
  /** What this machine has pinned. */
  pins: readonly MerchantPin[];
  /** When this machine first sent money to the account; undefined if it never did. */
  sentSince: string | undefined;
  /** The ids of other transfers of this amount to this account that may have been made. */
  unconfirmed: readonly string[];
  /** Above this many units one key press is not enough. */
  threshold: bigint;
}

export interface TransferFacts {
  shortCode: string;
  facts: Fact[];
  /** With any of them the sum or the code is typed. */
  warnings: string[];
  /** Paragraphs under the facts. */
  says: string[];
}

export function transferFacts(view: TransferView): TransferFacts {
  const { terms, id } = view;
  return {
    shortCode: shortCode(transferTerms(terms)),
    facts: [
      { label: "Send", value: displayAmount(terms.value), strong: true },
      { label: "To", value: `${terms.to} (${knownAs(view)})`, strong: true },
      { label: "From", value: terms.from },
      { label: "Balance", value: balanceText(view) },
      { label: "Id", value: showUnsafe(id) },
      { label: "Network", value: showUnsafe(`${terms.network} (TEST)`) },
    ],
    warnings: warningsOf(view),
    says: ["It buys nothing, and it cannot be taken back. The same id is paid once."],
  };
}

function knownAs({ terms, pins, sentSince }: TransferView): string {
  const known = pins.filter(({ payTo }) => payTo === terms.to).map(({ origin, firstSeenAt }) => `${origin}, seen since ${firstSeenAt}`);
  if (sentSince !== undefined) known.push(`sent to since ${sentSince}`);
  return known.join("; ") || "not known here";
}

function balanceText({ balance, terms }: TransferView): string {
  if (balance.kind === "unknown") return `not known: ${showUnsafe(balance.why)}`;
  const left = balance.spendable - BigInt(terms.value);
  return left < 0n ? displayAmount(balance.spendable) : `${displayAmount(balance.spendable)}, ${displayAmount(left)} after it`;
}

function warningsOf({ terms, balance, sentSince, unconfirmed, threshold }: TransferView): string[] {
  const warnings: [applies: boolean, text: string][] = [
    ...unconfirmed.map((id): [boolean, string] => [
      true,
      `The same transfer was signed before, as ${showUnsafe(id)}, and may have been made. This one would come on top; --id ${showUnsafe(id)} repeats that one.`,
    ]),
    [balance.kind === "known" && balance.spendable < BigInt(terms.value), "Your account holds less than this."],
    [sentSince === undefined, "This machine never sent money to this account. Compare the whole account id."],
    [BigInt(terms.value) > threshold, "A large amount."],
  ];
  return warnings.filter(([applies]) => applies).map(([, text]) => text);
}
