/** `accounts`: the owner's accounts and their balances. */

import * as z from "zod";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import { treasuryOf } from "../../shared/ledger/shards.ts";
import { ASSET } from "../../shared/lez.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { money } from "../../shared/screen/money.ts";
import { formatTimestamp } from "../../shared/time.ts";
import { holdingSchema, holdingsOf, holdingText } from "../chain/chain-balance.ts";
import { defineCommand } from "../command-line/command.ts";
import { chainAt, lastEntries } from "../facilitator/account-chain.ts";
import { askBalance, balanceSchema } from "../facilitator/balances.ts";
import { type FacilitatorInput, facilitatorFields } from "../facilitator/client.ts";
import { withOpenBooks } from "../facilitator/open-books.ts";
import { isSealed } from "../keys/key-file.ts";
import { KEY_KINDS, KIND_TEXT } from "../keys/key-kinds.ts";
import { newLezKeyFile, readLezKeyFile } from "../keys/lez-key-file.ts";
import { findOwner } from "../keys/owner-key.ts";
import { passphraseFields } from "../prompts/passphrase.ts";
import type { Context } from "../runtime/context.ts";
import { counted, field } from "../runtime/layout.ts";
import { MAX_RECENT_ENTRIES } from "../runtime/limits.ts";
import { moneySchema } from "../runtime/money.ts";
import { type Outcome, succeed } from "../runtime/outcome.ts";

/** Failures of the owner at the passphrase. Every other one is a line beside the account. */
const OWN = new Set(["keystore_locked", "interrupted", "usage"]);

const recentSchema = z.strictObject({
  /** RFC 3339, by the ledger's clock. */
  at: z.string(),
  direction: z.enum(["in", "out"]),
  amount: moneySchema,
  cause: z.enum(["payment", "claim", "refund", "transfer", "funding"]),
  /** Absent for a sum of several payments. */
  counterparty: z.string().optional(),
  transaction: z.string().optional(),
  /** More than one if the ledger has booked several as one sum. */
  payments: z.number(),
});
type Recent = z.infer<typeof recentSchema>;

export const accounts = defineCommand({
  name: "accounts",
  audience: "owner",
  summary: "the owner's accounts: what they hold, what came and went",
  description:
    "Where a facilitator shows an account to its owner alone, the first look asks for the passphrase. It signs an access for a key of this machine, and one for the agent's key if it is here. Both read for 30 days, move nothing, and are renewed when the passphrase is typed for something else.",
  input: z.strictObject({
    ownerFile: z
      .array(z.string())
      .default([])
      .meta({ value: "file", local: true, description: "an owner's key; may be repeated; else the configured one" }),
    recent: z.coerce
      .number("must be a whole number")
      .int("must be a whole number")
      .min(0, "must not be negative")
      .max(MAX_RECENT_ENTRIES, `must be at most ${MAX_RECENT_ENTRIES}`)
      .default(5)
      .meta({ value: "count", description: "how many of the last movements to show; 5" }),
    ...passphraseFields,
    ...facilitatorFields,
  }),
  output: z.strictObject({
    accounts: z.array(
      z.strictObject({
        file: z.string(),
        kind: z.enum(KEY_KINDS),
        account: z.string(),
        sealed: z.boolean(),
        createdAt: z.string(),
        balance: balanceSchema.optional(),
        /** Of a key of the chain itself: what it holds on each network whose sequencer is configured. */
        chain: z.array(holdingSchema).optional(),
        /** Why there is no balance. */
        problem: z.string().optional(),
        /** The last movements, oldest first, from the account's journal. */
        recent: z.array(recentSchema),
        /** Why there are none. */
        recentProblem: z.string().optional(),
      }),
    ),
  }),
  examples: [
    { says: "the configured account", argv: "accounts" },
    { says: "two of them", argv: "accounts --owner-file owner.json --owner-file savings.json" },
  ],
  async run(context, input) {
    const accounts = [];
    for (const named of filesOf(context, input.ownerFile)) {
      const onChain = named === undefined ? undefined : readLezKeyFile(named);
      if (named !== undefined && onChain?.ok) {
        const { account, createdAt } = onChain.data;
        const chain = await holdingsOf(context, account);
        accounts.push({
          file: named,
          kind: "lez" as const,
          account,
          sealed: true,
          createdAt,
          chain,
          ...(chain.length === 0 && { problem: "no sequencer is configured" }),
          recent: [],
        });
        continue;
      }
      const owner = findOwner(context, named);
      if (!owner.ok) return owner;
      const { file, key } = owner.data;
      const { account, createdAt } = key;
      const balance = await withOpenBooks(context, input, owner.data, () => askBalance(context, input, account));
      if (!balance.ok && OWN.has(balance.error.code)) return balance;
      const recent = balance.ok ? await recentEntries(context, input, account, input.recent) : succeed([]);
      accounts.push({
        file,
        kind: "ed25519" as const,
        account,
        sealed: isSealed(key),
        createdAt,
        ...(balance.ok ? { balance: balance.data } : { problem: balance.error.message }),
        recent: recent.ok ? recent.data : [],
        ...(!recent.ok && { recentProblem: recent.error.message }),
      });
    }
    return succeed({ accounts });
  },
  render: ({ accounts }, layout) =>
    accounts.flatMap(({ file, kind, account, sealed, balance, chain, problem, recent, recentProblem }) => [
      layout.ink("bold", balance ? balance.spendable.display : chain && chain.length > 0 ? "on the chain itself" : "balance unknown"),
      ...field(layout, "account", account),
      ...field(layout, "kind", KIND_TEXT[kind]),
      ...field(layout, "key", `${file}${sealed ? "" : ", NOT sealed"}`),
      ...(balance || (chain && chain.length > 0) ? [] : field(layout, "because", problem ?? "")),
      ...(chain ?? []).flatMap((holding, i) => field(layout, i === 0 ? "holds" : "", holdingText(holding))),
      ...(balance && balance.held.amount !== "0"
        ? field(layout, "set aside", `${balance.held.display} more, for payments under way and in open sessions`)
        : []),
      ...recent.flatMap((movement, i) => field(layout, i === 0 ? "recent" : "", recentText(movement))),
      ...(recentProblem === undefined ? [] : field(layout, "recent", recentProblem)),
    ]),
});

/** The named files; else the configured key, and the one of the chain itself if there is one. */
function filesOf(context: Context, named: readonly string[]): (string | undefined)[] {
  if (named.length > 0) return [...named];
  const lez = newLezKeyFile(context, undefined);
  if (!readLezKeyFile(lez).ok) return [undefined];
  const mock = findOwner(context, undefined);
  return !mock.ok && mock.error.code === "key_not_found" ? [lez] : [undefined, lez];
}

async function recentEntries(context: Context, input: FacilitatorInput, account: AccountId, count: number): Promise<Outcome<Recent[]>> {
  if (count === 0) return succeed([]);
  const chain = await chainAt(context, input, account);
  if (!chain.ok) return chain;
  const entries = await lastEntries(chain.data, count);
  return entries.ok ? succeed(entries.data.map((entry) => recentView(entry, treasuryOf(chain.data.ledger)))) : entries;
}

function recentView({ at, kind, value, cause, counterparty, transaction, batch }: JournalEntry, treasury: AccountId): Recent {
  const funding = kind === "genesis" || counterparty === treasury;
  return {
    at: formatTimestamp(Number(at)),
    direction: kind === "debit" ? "out" : "in",
    amount: money(value, ASSET),
    cause: funding ? "funding" : (cause ?? "payment"),
    ...(counterparty !== undefined && { counterparty }),
    ...(transaction !== undefined && { transaction }),
    payments: Number(batch?.count ?? 1),
  };
}

function recentText({ at, direction, amount, cause, counterparty, payments }: Recent): string {
  const what = payments > 1 ? counted(payments, "payment") : cause;
  const other = counterparty === undefined || cause === "funding" ? "" : ` ${direction === "in" ? "from" : "to"} ${counterparty}`;
  return `${at}  ${direction === "in" ? "+" : "-"}${amount.display}  ${what}${other}`;
}
