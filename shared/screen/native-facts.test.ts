import { expect, test } from "vitest";
import type { Digest } from "../crypto/digest.ts";
import { wordsOfTransfer } from "../protocol/native-payment.ts";
import { lezAccountOfBytes } from "../zone/account.ts";
import { draftPayment } from "../zone/pay.ts";
import { BUYER, GENESIS, NOW, OFFER } from "../zone/testing/payment.ts";
import { nativeChainFacts, nativePriceFacts, nativeWarnings } from "./native-facts.ts";
import type { NativeView } from "./view.ts";

const drafted = draftPayment({ offer: OFFER, from: BUYER, nonce: 7n, maxFee: 26_712n, now: NOW });
if (!drafted.ok) throw new Error(drafted.problem);
const { draft } = drafted;

const OTHER = lezAccountOfBytes(new Uint8Array(32).fill(7));
const VIEW: NativeView = {
  draft,
  read: { balance: 1_000_000_000n, head: { id: 13_232n, at: NOW - 20 }, tenBlocks: 450 },
  charge: 2968n,
  now: NOW,
  payeeOnMock: false,
};
const warned = (changed: Partial<NativeView>) =>
  nativeWarnings({ ...VIEW, ...changed })
    .filter(([applies]) => applies)
    .map(([, text]) => text);

test("sum, fee, account, chain and statement are those of the draft that is signed [native-screen-facts]", () => {
  expect([...nativePriceFacts(VIEW), ...nativeChainFacts(VIEW)].map(({ label, value }) => `${label.padEnd(10)}${value}`)).toEqual([
    "Pay       0.00001 LGO = 10000 lepta, exactly",
    "Fee       at most 0.000026712 LGO = 26712 lepta; about 2968 at today's price",
    "Together  at most 0.000036712 LGO leaves this account",
    `From      ${BUYER}`,
    "          LEZ key, 1 LGO, nonce 7, read at block 13232",
    `Chain     lez:testnet (TEST)  genesis ${GENESIS.slice(0, 8)}…${GENESIS.slice(-4)}  v0.3; the seller waits for: head`,
    "Statement binds it to this request until 2026-09-21T14:28:20Z; the chain does not know that",
  ]);
});

test("the fee on the screen is the fee that is signed, whatever it is [native-screen-fee]", () => {
  for (const maxFee of [0n, 1n, 99_999n]) {
    const other = draftPayment({ offer: OFFER, from: BUYER, nonce: 7n, maxFee, now: NOW });
    if (!other.ok) throw new Error(other.problem);
    const [, fee, together] = nativePriceFacts({ ...VIEW, draft: other.draft });
    expect(fee?.value).toContain(`= ${other.draft.transfer.fee.maxFee} lepta;`);
    expect(together?.value).toMatch(/^at most 0\.00/);
  }
});

test("every member of the transfer and its statement that is signed changes what is read [native-screen-signed]", () => {
  const { transfer, statement } = draft;
  const readOf = (changed: Partial<typeof draft>) => {
    const view = { ...VIEW, draft: { ...draft, ...changed } };
    // The account that is paid stands among the facts of every payment, from these words.
    const { to } = wordsOfTransfer(view.draft.transfer, view.draft.statement);
    return JSON.stringify([...nativePriceFacts(view), ...nativeChainFacts(view), to]);
  };
  const other = {
    transfer: { from: OTHER, to: OTHER, value: 1n, nonce: 8n },
    fee: { payer: OTHER, gasLimit: 50_000n, tip: 1n, maxFee: 1n },
  };
  const drafts: [string, Partial<typeof draft>][] = [
    ...Object.entries(other.transfer).map(
      ([member, value]) => [member, { transfer: { ...transfer, [member]: value } }] as [string, object],
    ),
    ...Object.entries(other.fee).map(
      ([member, value]) => [member, { transfer: { ...transfer, fee: { ...transfer.fee, [member]: value } } }] as [string, object],
    ),
    ["validBefore", { statement: { ...statement, validBefore: "1790000001" } }],
    ["ledger", { statement: { ...statement, ledger: "00".repeat(32) as Digest } }],
    ["network", { network: "lez:devnet" }],
    ["finality", { finality: "final" }],
  ];
  expect(drafts.filter(([, changed]) => readOf(changed) === readOf({})).map(([member]) => member)).toEqual([]);
  expect(new Set(drafts.map(([member]) => member))).toEqual(
    new Set(
      [...Object.keys(transfer), ...Object.keys(transfer.fee), "validBefore", "ledger", "network", "finality"].filter((m) => m !== "fee"),
    ),
  );
});

test("two warnings always: it cannot be called back, and the network is reset", () => {
  expect(warned({})).toEqual([
    "Once signed, anyone who holds this can broadcast it until nonce 7 is used. It does not expire and cannot be called back.",
    "A test network: it is reset without notice, and then old signatures are good again. Use this key on no other chain.",
  ]);
});

test.each<[string, Partial<NativeView>, string]>([
  [
    "the nonce of an expired request",
    { reused: { shortCode: "7F3K-22QD", why: "expired", at: "2026-09-21T14:12:20Z" } },
    "Nonce 7 was given to request 7F3K-22QD, which expired 60 s ago.",
  ],
  [
    "the nonce of a declined request",
    { reused: { shortCode: "7F3K-22QD", why: "you declined" } },
    "which you declined. Only one of the two",
  ],
  ["a lepton too little", { read: { ...VIEW.read, balance: 36_711n } }, "Your account holds less than the payment and its fee"],
  ["a payee of the mock", { payeeOnMock: true }, "MOCK LEDGER"],
  ["an old head", { read: { ...VIEW.read, head: { id: 1n, at: NOW - 451 } } }, "The newest block is 7 min old"],
  ["a fee of more than 100 charges", { charge: 267n }, "more than 100 times today's charge"],
])("%s is warned about [native-screen-warnings]", (_, changed, text) => {
  expect(warned(changed).filter((warning) => warning.includes(text))).toHaveLength(1);
  expect(warned({}).filter((warning) => warning.includes(text))).toEqual([]);
});

test("each fact at its edge is no warning", () => {
  const edge: Partial<NativeView> = { read: { balance: 36_712n, head: { id: 1n, at: NOW - 450 }, tenBlocks: 450 }, charge: 268n };
  expect(warned(edge)).toHaveLength(2);
  expect(warned({ read: { ...VIEW.read, head: { id: 1n, at: 0 }, tenBlocks: undefined } })).toHaveLength(2);
});

test("the statement on the screen names the draft's chain", () => {
  const other = { ...draft, statement: { ...draft.statement, ledger: "ab".repeat(32) as Digest } };
  expect(nativeChainFacts({ ...VIEW, draft: other }).find(({ label }) => label === "Chain")?.value).toContain("abababab…abab");
});
