import { describe, expect, test } from "vitest";
import { fromBase64 } from "../../shared/crypto/bytes.ts";
import { FEE_PROGRAM } from "../../shared/zone/account.ts";
import { encodeTransaction, type Message } from "../../shared/zone/transaction.ts";
import upstream from "../../test/vectors/lez/upstream.json" with { type: "json" };
import { admit } from "./admission.ts";
import { MAX_TRANSACTION_BYTES } from "./limits.ts";
import { keyOf, signed, transfer, transferMessage } from "./testing/devnet-chain.ts";

const [alice, bob] = [keyOf("alice"), keyOf("bob")];
const BASE = { exec: 8n, stor: 8n };
const rich = () => 10n ** 12n;
const refused = (code: number, message: string) => ({ ok: false, error: expect.objectContaining({ code, message }) as unknown });
const invalid = refused(-32_602, "Invalid params");
const wrongSignature = { ok: false, error: { code: -32_602, message: "Invalid signature(-s)" } };
const incorrectFee = { ok: false, error: { code: -32_602, message: "Incorrect fee" } };
const message = transferMessage(alice, { to: bob.account });
const good = signed(message, [alice]);

test("transactions that upstream's crates made, and one recorded from the chain, are taken under their recorded ids [devnet-admission]", () => {
  const [selfPaid] = upstream.ground_truth.v0_3_0.txs;
  const { base64, hash } = upstream.ground_truth.live_tx_v03;
  expect(admit(fromBase64(selfPaid?.base64 ?? "") ?? good, BASE, rich)).toEqual({ ok: true, id: selfPaid?.tx_hash });
  expect(admit(fromBase64(base64) ?? good, BASE, rich)).toEqual({ ok: true, id: hash });
});

describe("bytes that are no transaction", () => {
  test.each([
    ["nothing", new Uint8Array(0)],
    ["a byte too many", Uint8Array.of(...good, 0)],
    ["a byte too few", good.subarray(0, -1)],
    ["a privacy-preserving transaction", Uint8Array.of(1, ...good.subarray(1))],
    ["a list of 2^32 - 1 accounts", Uint8Array.from(good).fill(255, 33, 37)],
    ["a transaction of v0.2", fromBase64(upstream.ground_truth.v0_2_4.txs[0]?.base64 ?? "") ?? good],
    ["a key that is no point of the curve", Uint8Array.from(good).fill(255, good.length - 32)],
  ])("%s", (_, wire) => expect(admit(wire, BASE, rich)).toEqual(invalid));
});

test("one that is larger than a block has room for is refused before its signature is looked at", () => {
  const size = (bytes: number) => {
    const large = { ...message, instruction: new Uint8Array(bytes) };
    const witnesses = [{ signature: new Uint8Array(64), publicKey: alice.publicKey }];
    return encodeTransaction({ ...large, witnesses });
  };
  const fits = MAX_TRANSACTION_BYTES - size(0).length;
  expect(admit(size(fits + 1), BASE, rich)).toEqual(refused(-32_602, "Transaction too large: size 1046529, max 1046528"));
  expect(admit(size(fits), BASE, rich)).toEqual(wrongSignature);
});

describe("signatures", () => {
  const flipped = (at: number) => good.map((byte, i) => (i === at ? byte ^ 1 : byte));

  test("of another message", () => {
    for (const at of [38, 170, good.length - 96]) expect(admit(flipped(at), BASE, rich)).toEqual(wrongSignature);
  });

  test("of one key twice", () => {
    const twice = { ...message, nonces: [0n, 0n] };
    expect(admit(signed(twice, [alice, alice]), BASE, rich)).toEqual(wrongSignature);
  });

  test("none, although the fee has a payer", () => expect(admit(signed(message, []), BASE, rich)).toEqual(incorrectFee));
});

test("the fee program is the sequencer's own", () => {
  const wire = signed({ ...message, program: FEE_PROGRAM }, [alice]);
  expect(admit(wire, BASE, rich)).toEqual(refused(-32_602, "Program is sequencer-only and cannot be invoked by a user transaction"));
});

describe("the fee's five causes have one error", () => {
  const { fee: _, ...free } = message;
  const fee = (change: Partial<NonNullable<Message["fee"]>>) => ({ ...message, fee: { ...message.fee, ...change } }) as Message;

  test.each<[string, Message]>([
    ["none is declared", free],
    ["more gas than a block has", fee({ gasLimit: 10_000_001n, maxFee: 2n ** 127n })],
    ["a largest fee below the reserve", fee({ maxFee: 2967n })],
    ["a tip that the largest fee does not cover", fee({ maxFee: 2968n, tip: 1n })],
    ["a payer who does not sign", fee({ payer: bob.account })],
  ])("%s", (_, message) => expect(admit(signed(message, [alice]), BASE, rich)).toEqual(incorrectFee));

  test("a payer who holds less than the reserve", () => {
    expect(admit(good, BASE, () => 2967n)).toEqual(incorrectFee);
    expect(admit(good, BASE, () => 2968n)).toMatchObject({ ok: true });
  });

  test("the reserve is at the prices of the next block, and has all of the gas limit in it", () => {
    const exact = signed(fee({ gasLimit: 10_000_000n, maxFee: 80_002_968n }), [alice]);
    expect(admit(exact, BASE, rich)).toMatchObject({ ok: true });
    expect(admit(exact, { exec: 8n, stor: 9n }, rich)).toEqual(incorrectFee);
    expect(admit(exact, BASE, () => 80_002_967n)).toEqual(incorrectFee);
  });
});

test("no nonce is looked at, and no earlier copy", () => {
  const ahead = transfer(alice, { to: bob.account, nonce: 2n ** 128n - 1n });
  for (const wire of [ahead, ahead]) expect(admit(wire, BASE, rich)).toMatchObject({ ok: true });
});
