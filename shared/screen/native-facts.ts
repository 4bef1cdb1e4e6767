/** What an owner reads of a transfer on the chain itself before signing it: all of it from the draft that is signed, and from one read of the chain. */

import { displayAmount } from "../protocol/amount.ts";
import { formatTimestamp, parseTimestamp } from "../time.ts";
import { duration } from "./duration.ts";
import type { Fact } from "./fact.ts";
import type { NativeView } from "./view.ts";

/** How the screen is headed. */
export const NATIVE_TITLE = "NATIVE LEZ TRANSFER (TEST)";

/** A head that lags by more than so many blocks is old. */
const OLD_HEAD_BLOCKS = 10;
/** A `max_fee` above so many times today's charge deserves a look. */
const MUCH_FEE = 100n;

/** The sum, the fee that is signed, and both. */
export function nativePriceFacts({ draft: { transfer }, charge }: NativeView): Fact[] {
  const { value, fee } = transfer;
  return [
    { label: "Pay", value: `${sum(value)}, exactly`, strong: true },
    { label: "Fee", value: `at most ${sum(fee.maxFee)}; about ${charge} at today's price${feeTerms(transfer)}` },
    { label: "Together", value: `at most ${displayAmount(value + fee.maxFee)} leaves this account` },
  ];
}

/** The signed members of the fee that are not as usual: a transfer computes nothing, has no tip, and its payer pays the fee. */
function feeTerms({ from, fee: { payer, gasLimit, tip } }: NativeView["draft"]["transfer"]): string {
  return [
    gasLimit > 0n && `; gas limit ${gasLimit}, which is paid for as used`,
    tip > 0n && `; a tip of ${tip} lepta in it`,
    payer !== from && `; paid by ${payer}`,
  ]
    .filter((term) => term !== false)
    .join("");
}

/** Account and chain, and what binds the transfer to its request. */
export function nativeChainFacts({ draft, read }: NativeView): Fact[] {
  const { transfer, statement, network, finality } = draft;
  const holds = `LEZ key, ${displayAmount(read.balance)}, nonce ${transfer.nonce}, read at block ${read.head.id}`;
  const { ledger } = statement;
  const until = formatTimestamp(Number(statement.validBefore));
  return [
    { label: "From", value: transfer.from },
    { label: "", value: holds },
    {
      label: "Chain",
      value: `${network} (TEST)  genesis ${ledger.slice(0, 8)}…${ledger.slice(-4)}  v0.3; the seller waits for: ${finality}`,
    },
    { label: "Statement", value: `binds it to this request until ${until}; the chain does not know that` },
  ];
}

function sum(lepta: bigint): string {
  return `${displayAmount(lepta)} = ${lepta} lepta`;
}

/** Each from a fact; the first two are always so. */
export function nativeWarnings({ draft, read, charge, reused, now, payeeOnMock }: NativeView): [applies: boolean, text: string][] {
  const { value, fee, nonce } = draft.transfer;
  const age = now - read.head.at;
  const { tenBlocks } = read;
  return [
    [
      true,
      `Once signed, anyone who holds this can broadcast it until nonce ${nonce} is used. It does not expire and cannot be called back.`,
    ],
    [true, "A test network: it is reset without notice, and then old signatures are good again. Use this key on no other chain."],
    [
      reused !== undefined,
      `Nonce ${nonce} was given to request ${reused?.shortCode}, which ${reused?.why}${ago(reused?.at, now)}. Only one of the two can be paid: the one that is sent first.`,
    ],
    [read.balance < value + fee.maxFee, "Your account holds less than the payment and its fee: it would be refused."],
    [
      payeeOnMock,
      "You paid this account on the MOCK LEDGER before. If it is an account of the mock, no key can ever spend what arrives there.",
    ],
    [
      tenBlocks !== undefined && age > tenBlocks,
      `The newest block is ${duration(Math.max(age, 0))} old, more than ${OLD_HEAD_BLOCKS} blocks take: the chain stands still, or this sequencer does.`,
    ],
    [fee.maxFee > charge * MUCH_FEE, `The fee that you sign is more than ${MUCH_FEE} times today's charge.`],
  ];
}

function ago(at: string | undefined, now: number): string {
  const then = parseTimestamp(at ?? "");
  return then === undefined ? "" : ` ${duration(Math.max(0, now - then))} ago`;
}
