/** `lez send`: the owner hands a signed payment to the chain's sequencer, when no facilitator does. */

import * as z from "zod";
import { digestSchema } from "../../shared/crypto/digest.ts";
import { ASSET } from "../../shared/lez.ts";
import { displayAmount } from "../../shared/protocol/amount.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { showUnsafe } from "../../shared/screen/escapes.ts";
import { money } from "../../shared/screen/money.ts";
import type { Sent } from "../../shared/sequencer/client.ts";
import { BackendUnavailable } from "../../shared/settlement/outcomes.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { AccountRead } from "../../shared/zone/lane-row.ts";
import { factsScreen } from "../approval/facts-screen.ts";
import { openChain, type OpenChain, readAccountAt, sequencerFields } from "../chain/open-chain.ts";
import { readSignedTransfer, type SignedTransfer } from "../chain/signed-transfer.ts";
import { defineCommand } from "../command-line/command.ts";
import { dryRunField, nameField, textField } from "../command-line/fields.ts";
import { askTyped, interrupted } from "../prompts/prompts.ts";
import { record } from "../records/audit-log.ts";
import type { Context } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { field } from "../runtime/layout.ts";
import { moneySchema } from "../runtime/money.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

const output = z.strictObject({
  dryRun: z.literal(true).optional(),
  network: z.string(),
  transaction: z.string(),
  from: z.string(),
  to: z.string(),
  amount: moneySchema,
  /** The most that the chain may charge beside the amount. */
  maxFee: moneySchema,
  nonce: z.string(),
  /** What the sequencer said: it has the transaction and has not carried it out. */
  answer: z.literal("queued").optional(),
});
type Data = z.output<typeof output>;

export const lezSend = defineCommand({
  name: "lez send",
  audience: "owner",
  summary: "hand a signed payment to the chain's sequencer yourself",
  description: [
    "For a payment whose facilitator is gone: agents and merchants need no such command. Shows what it sends, and sends it once you have typed the amount in full. Only the chain that this machine has pinned gets it, and only while the payment's nonce is the account's next.",
    "Queued is not paid: the sequencer answers before it carries anything out, and may drop it. The merchant learns nothing of it. Sending the same file twice pays once.",
  ].join("\n\n"),
  input: z.strictObject({
    payment: nameField.meta({ positional: true, description: "the signed payment, as approve --out and lez sign wrote it" }),
    confirm: textField(digestSchema)
      .optional()
      .meta({ value: "id", description: "the transaction id that --dry-run named, in place of the question" }),
    ...sequencerFields,
    ...dryRunField,
  }),
  output,
  examples: [
    { says: "read it, type the amount, send it", argv: "lez send payment.json" },
    { says: "only read it", argv: "lez send payment.json --dry-run" },
    { says: "at another sequencer of the same chain", argv: "lez send payment.json --sequencer https://sequencer.example.com" },
  ],
  async run(context, input) {
    const file = await readSignedTransfer(context, input.payment);
    if (!file.ok) return file;
    const transfer = file.data;
    const chain = await openChain(context, transfer.network, input);
    if (!chain.ok) return chain;
    if (chain.data.genesis !== transfer.genesis) return otherChain(transfer, chain.data);
    const account = await readAccountAt(context, chain.data, transfer.payment.payer);
    if (!account.ok) return account;
    const unfit = nonceProblem(transfer, account.data);
    if (unfit) return unfit;
    context.say(...screenOf(context, transfer, account.data));
    const data = dataOf(transfer);
    if (input.dryRun) return succeed({ dryRun: true as const, ...data });
    const confirmed = await confirmBroadcast(context, transfer, input.confirm);
    if (!confirmed.ok) return confirmed;
    const noted = await record(context, "broadcast", factsOf(transfer));
    return noted.ok ? broadcast(chain.data, transfer) : noted;
  },
  render: ({ dryRun, answer, amount, to, nonce, transaction, network }, layout) => [
    answer ? layout.ink("green", `Queued at ${network}, which is not paid: ${amount.display}`) : `Nothing was sent${dryRun ? "" : "."}`,
    ...field(layout, "to", to),
    ...field(layout, "nonce", nonce),
    ...field(layout, "transaction", transaction),
    ...(answer ? field(layout, "then", "lez-agent-pay doctor says whether the nonce is used; look the transaction up by its id") : []),
  ],
});

function dataOf({ network, payment }: SignedTransfer): Omit<Data, "answer" | "dryRun"> {
  const { transaction, payer, payee, value, maxFee, nonce } = payment;
  return {
    network,
    transaction,
    from: payer,
    to: payee,
    amount: money(value.toString(), ASSET),
    maxFee: money(maxFee.toString(), ASSET),
    nonce: nonce.toString(),
  };
}

function factsOf({ network, genesis, payment }: SignedTransfer): Record<string, string> {
  const { transaction, h, payer, payee, value, nonce } = payment;
  return { network, genesis, transaction, messageHash: h, from: payer, to: payee, amount: value.toString(), nonce: nonce.toString() };
}

/** A nonce that is not the account's next is dropped by the chain without a word. */
function nonceProblem({ payment: { payer, nonce } }: SignedTransfer, read: AccountRead): Failure | undefined {
  const hint = "Nothing was sent.";
  if (nonce < read.nonce)
    return refuse(
      "nonce_replayed",
      EXIT.paymentRejected,
      `Nonce ${nonce} of ${payer} is used: this payment, or another, was carried out.`,
      {
        hint: `${hint} The account's next nonce is ${read.nonce}, at block ${read.head.id}. A payment that was carried out is found by its id.`,
      },
    );
  if (nonce > read.nonce)
    return refuse(
      "nonce_ahead",
      EXIT.busy,
      `The account's next nonce is ${read.nonce}, and this payment has ${nonce}: the chain would drop it.`,
      {
        hint: `${hint} Send it when the nonces before it are used.`,
        retryable: true,
      },
    );
  return undefined;
}

function otherChain({ network, genesis }: SignedTransfer, chain: OpenChain): Failure {
  return refuse(
    "ledger_mismatch",
    EXIT.differs,
    `The payment is for another chain than your ${network}: its block 1 is ${genesis}, and yours ${chain.genesis}.`,
    {
      hint: "Nothing was sent. On another chain its signature may be good all the same, and would pay there.",
    },
  );
}

function screenOf(context: Context, { network, genesis, payment, url }: SignedTransfer, read: AccountRead): string[] {
  const { transaction, payer, payee, value, maxFee, nonce, validBefore } = payment;
  const until = formatTimestamp(validBefore);
  const isOver = validBefore < unixNow();
  return factsScreen(
    "BROADCAST BY HAND (TEST)",
    {
      shortCode: shortCode(transaction),
      facts: [
        { label: "Pay", value: `${displayAmount(value)} = ${value} lepta, exactly`, strong: true },
        { label: "Fee", value: `at most ${displayAmount(maxFee)} = ${maxFee} lepta` },
        { label: "Together", value: `at most ${displayAmount(value + maxFee)} leaves this account` },
        { label: "Account", value: payee, strong: true },
        { label: "For", value: url === undefined ? "the file does not say" : `${showUnsafe(url)}, as the file says` },
        { label: "From", value: payer },
        { label: "", value: `${displayAmount(read.balance)}, nonce ${nonce}, read at block ${read.head.id}` },
        { label: "Chain", value: `${network}  genesis ${genesis.slice(0, 8)}…${genesis.slice(-4)}, the pinned one` },
        { label: "Statement", value: isOver ? `ended ${until}: no facilitator takes it for its request any more` : `until ${until}` },
        { label: "Id", value: transaction },
      ],
      warnings: [
        ...(isOver
          ? ["The statement is over, and the chain does not know that: the money would move, and the merchant may owe nothing."]
          : []),
        ...(read.balance < value + maxFee
          ? ["The account holds less than the payment and its fee: it is dropped, or charged without paying."]
          : []),
      ],
      says: ["What is sent cannot be called back, and buys nothing by itself: the merchant is not told."],
    },
    context.layout,
  );
}

async function confirmBroadcast(
  context: Context,
  { payment: { transaction, value } }: SignedTransfer,
  confirmed: string | undefined,
): Promise<Outcome<undefined>> {
  if (confirmed !== undefined) {
    if (confirmed === transaction) return succeed(undefined);
    return fail("request_differs", `--confirm names another transaction: this one is ${transaction}.`, { hint: "Read it again." });
  }
  if (!context.interactive) {
    return fail("interaction_required", "A broadcast waits for the owner, and there is no terminal to ask on.", {
      exit: EXIT.approvalPending,
      hint: `Run this in a terminal. Or read it with --dry-run, and repeat it with --confirm ${transaction}`,
    });
  }
  const isRight = await askTyped(context, "Type the amount in lepta, in full, to send it, or nothing to leave it", {
    isRight: (text) => text.trim() === value.toString(),
    wrong: "That is not the amount in lepta.",
  });
  if (isRight === undefined) return interrupted("Nothing was sent.");
  return isRight ? succeed(undefined) : fail("not_approved", "Nothing was sent.");
}

async function broadcast({ sequencer, network }: OpenChain, transfer: SignedTransfer): Promise<Outcome<Data>> {
  const { fromBase64 } = await import("../../shared/crypto/bytes.ts");
  const wire = fromBase64(transfer.payment.wire) ?? new Uint8Array();
  let sent: Sent;
  try {
    sent = await sequencer.sendTransaction(wire);
  } catch (error) {
    if (!(error instanceof BackendUnavailable)) throw error;
    return fail("outcome_unknown", `The sequencer gave no usable answer: ${error.message}. It may have the transaction.`, {
      hint: "Run the same command again: the same payment is carried out once.",
      retryable: true,
    });
  }
  if (!sent.ok) return refusedBy(network, sent);
  if (sent.id === transfer.payment.transaction) return succeed({ ...dataOf(transfer), answer: "queued" as const });
  return fail("outcome_unknown", `The sequencer answered with another id, ${sent.id}. It may have the transaction.`, {
    hint: `Look the payment up by its own id: ${transfer.payment.transaction}`,
  });
}

function refusedBy(network: string, { reason, error }: Extract<Sent, { ok: false }>): Failure {
  const said = `The sequencer of ${network} did not take it: ${showUnsafe(error.message)} (${error.code}).`;
  const details = { reason, code: error.code };
  if (reason === "full") return fail("busy", said, { hint: "Its queue is full. Run the same command again in a minute.", details });
  if (reason === "fee")
    return refuse("fee_rejected", EXIT.paymentRejected, said, {
      hint: "The signed fee is below today's price, or the account cannot cover it. Sign a payment with the same nonce anew.",
      details,
    });
  return refuse("invalid_payload", EXIT.paymentRejected, said, {
    hint: "This copy was not queued. Earlier copies may have been.",
    details,
  });
}
