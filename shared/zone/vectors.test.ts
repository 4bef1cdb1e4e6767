/** What releases of LEZ made and its testnet answered, byte for byte; and a second implementation beside the first. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import keys from "../../test/vectors/lez/keys.json" with { type: "json" };
import recorded from "../../test/vectors/lez/recorded.json" with { type: "json" };
import upstream from "../../test/vectors/lez/upstream.json" with { type: "json" };
import { bytesToHex, fromBase64, hexToBytes, toBase64 } from "../crypto/bytes.ts";
import type { Digest } from "../crypto/digest.ts";
import {
  accountOfProgram,
  builtinProgram,
  FEE_ACCOUNTS,
  FEE_PROGRAM,
  lezAccountBytes,
  lezAccountOfBytes,
  lezAccountOfKey,
} from "./account.ts";
import { blockHash, decodeBlock, encodeBlock, feesOf } from "./block.ts";
import { decodeExactly } from "./borsh.ts";
import { charge, EXEC_MARKET, nextBaseFee, reserve } from "./fees.ts";
import { publicKeyOf, signSchnorr, verifySchnorr } from "./schnorr.ts";
import * as second from "./testing/second.ts";
import { encodeMessage, encodeTransaction, messageHash, type PublicTransaction, readTransaction, transactionId } from "./transaction.ts";
import { decodeTransfer, encodeTransfer, TRANSFER_BYTES, TRANSFER_TEXT_LENGTH, transferHash } from "./transfer.ts";
import { V03 } from "./v03.ts";

const { ground_truth: truth } = upstream;
const NO_AUX = new Uint8Array(32);
const NATIVE = "00".repeat(32);

const account = (hex: string) => lezAccountOfBytes(hexToBytes(hex));
const amountInstruction = (amount: string) => `00${second.u128(BigInt(amount)).toString("hex")}`;
const base64 = (text: string) => fromBase64(text) ?? new Uint8Array(0);

/** The recorded entry of this name, which each test reads in its own shape. */
function recording(name: string): unknown {
  return recorded.vectors.find((entry) => entry.name === name);
}

function asTransaction(fields: second.MessageFields, witnesses: PublicTransaction["witnesses"] = []): PublicTransaction {
  return {
    program: account(fields.program),
    selectors: fields.selectors.map(([id, program]) => ({ account: account(id), program: account(program) })),
    nonces: fields.nonces.map(BigInt),
    instruction: hexToBytes(fields.instruction),
    ...(fields.fee && {
      fee: {
        payer: account(fields.fee.payer),
        gasLimit: BigInt(fields.fee.gasLimit),
        tip: BigInt(fields.fee.tip),
        maxFee: BigInt(fields.fee.maxFee),
      },
    }),
    witnesses,
  };
}

test("10 keys of upstream have these accounts [lez-accounts]", () => {
  const pairs = [
    ...truth.keys.keys.map(
      ([secret = "", publicKey = "", id = ""]) => [publicKeyOf(hexToBytes(secret)), hexToBytes(publicKey), account(id)] as const,
    ),
    ...[...truth.testnet_initial_accounts.keys, ...truth.debug_config_accounts.keys].map(
      ([secret = "", id = ""]) => [publicKeyOf(hexToBytes(secret)), undefined, id] as const,
    ),
    ...truth.repo_account_ids.ids.map(
      ([secret, id]) => [publicKeyOf(hexToBytes(String(secret))), undefined, lezAccountOfBytes(Uint8Array.from(id as number[]))] as const,
    ),
  ];
  expect(pairs).toHaveLength(10);
  for (const [publicKey, known, id] of pairs) {
    if (known) expect(publicKey).toEqual(known);
    expect(lezAccountOfKey(publicKey)).toBe(id);
    expect(second.accountOfKey(bytesToHex(publicKey))).toBe(bytesToHex(lezAccountBytes(lezAccountOfKey(publicKey))));
  }
});

test("4 transactions of the v0.3.0 crates: H, signatures without auxiliary bytes, id, wire [lez-crate-transactions]", () => {
  expect(truth.v0_3_0.txs).toHaveLength(4);
  for (const { name, amount, signers, signatures, message_hash, tx_hash, ...made } of truth.v0_3_0.txs) {
    const fields = {
      program: made.programAccountId,
      selectors: made.selectors as [string, string][],
      nonces: made.nonces,
      instruction: amountInstruction(amount),
      fee: made.fee,
    };
    const message = second.messageBytes(fields);
    const keys = signers.map((secret) => publicKeyOf(hexToBytes(secret)));
    const witnesses = keys.map((publicKey, i) => ({ signature: hexToBytes(signatures[i] ?? ""), publicKey }));
    const transaction = asTransaction(fields, witnesses);
    const wire = second.wire(
      message,
      keys.map((key, i) => [signatures[i] ?? "", bytesToHex(key)]),
    );

    expect(Buffer.from(encodeMessage(transaction)), name).toEqual(message);
    expect([messageHash(transaction), second.messageHash(message)], name).toEqual([message_hash, message_hash]);
    expect([transactionId(transaction), second.transactionId(wire)], name).toEqual([tx_hash, tx_hash]);
    expect(Buffer.from(encodeTransaction(transaction)), name).toEqual(wire);
    if ("base64" in made) expect(toBase64(wire), name).toBe(made.base64);
    expect(decodeExactly(Uint8Array.from(wire), readTransaction), name).toEqual({
      ok: true,
      value: { transaction, h: message_hash, id: tx_hash },
    });
    signers.forEach((secret, i) => {
      expect(bytesToHex(signSchnorr(message_hash as Digest, hexToBytes(secret), NO_AUX)), name).toBe(signatures[i]);
    });
    // Two of the four are transfers of one signer who pays the fee.
    expect(decodeTransfer(wire).ok, name).toBe(signers.length === 1 && made.fee !== null);
    if (decodeTransfer(wire).ok) expect([wire.length, toBase64(wire).length]).toEqual([TRANSFER_BYTES, TRANSFER_TEXT_LENGTH]);
  }
});

test("4 messages and 1 signed transfer of another toolkit [lez-toolkit-transactions]", () => {
  const { common, msgs } = truth.logos_kit_messages;
  expect(msgs).toHaveLength(4);
  for (const { name, shardProg, instr, fee, hash } of msgs) {
    const selectors = [[common.account, shardProg] as const];
    const fields = { program: common.program, selectors, nonces: [common.nonce], instruction: instr, fee };
    expect([messageHash(asTransaction(fields)), second.messageHash(second.messageBytes(fields))], name).toEqual([hash, hash]);
  }

  const made = truth.logos_kit_signed;
  const from = lezAccountOfKey(hexToBytes(made.publicKey));
  const terms = {
    from,
    to: made.to as typeof from,
    value: BigInt(made.amount),
    nonce: BigInt(made.nonce),
    fee: { payer: from, gasLimit: BigInt(made.gasLimit), tip: BigInt(made.tip), maxFee: BigInt(made.maxFee) },
  };
  const signature = signSchnorr(transferHash(terms), hexToBytes(made.signingKey), hexToBytes(made.aux));
  const wire = encodeTransfer({ ...terms, signature, publicKey: hexToBytes(made.publicKey) });
  expect([from, transferHash(terms), bytesToHex(signature)]).toEqual([made.from, made.hash, made.signature]);
  expect(decodeTransfer(wire)).toMatchObject({ ok: true, h: made.hash, id: made.txHash, transfer: { ...terms, signature } });
});

test("1 recorded transaction, 1 recorded block with it, 1 block of the public testnet [lez-recorded-blocks]", () => {
  const { base64: text, hash } = truth.live_tx_v03;
  const live = decodeTransfer(base64(text));
  expect(live).toMatchObject({ ok: true, id: hash, transfer: { value: 1_234_567n, nonce: 0n } });
  if (!live.ok) return;
  expect(toBase64(encodeTransfer(live.transfer))).toBe(text);
  expect(verifySchnorr(live.transfer.signature, live.h, live.transfer.publicKey)).toBe(true);
  expect(lezAccountOfKey(live.transfer.publicKey)).toBe(live.transfer.from);

  const testnet = recording("v03-live-block-2") as {
    base64: string;
    expect: { block_hash: string; last_tx_hash: string; timestamp_ms: string };
  };
  for (const [bytes, status, transfers] of [
    [base64(truth.live_block_v03.base64), undefined, [hash]],
    [base64(testnet.base64), "final", []],
  ] as const) {
    const decoded = decodeBlock(bytes);
    expect(decoded).toMatchObject({ ok: true, block: { id: 2n, status } });
    if (!decoded.ok) continue;
    const { block } = decoded;
    expect(second.blockHash(Buffer.from(bytes), status !== undefined)).toBe(block.hash);
    expect(verifySchnorr(block.signature, block.hash, block.producer)).toBe(true);
    expect(block.transactions.slice(0, -2).map(({ id }) => id)).toEqual(transfers);
    expect(block.transactions.slice(0, -2).flatMap(({ signers }) => signers)).toEqual(transfers.map(() => live.transfer.from));
    const content = { ...block, transactions: block.transactions.map(({ transaction }) => transaction) };
    expect(blockHash(content)).toBe(block.hash);
    const again = encodeBlock(content, block.signature, status ?? "pending");
    expect(bytesToHex(again.subarray(0, again.length - (status ? 0 : 1)))).toBe(bytesToHex(bytes));
    // What the block charged is what the fee market says of one transfer, or of none.
    expect(feesOf(block)?.summary).toEqual({
      gasExec: 0n,
      gasStor: transfers.length === 0 ? 0n : 371n,
      revenueBase: transfers.length === 0 ? 0n : charge({ gasLimit: 2_000_000n, tip: 0n }, 371, 0n, { exec: 8n, stor: 8n }),
      revenueTip: 0n,
      payout: transfers.length === 0 ? 0n : 59n,
    });
  }
  const block = decodeBlock(base64(testnet.base64));
  expect(block).toMatchObject({ block: { hash: testnet.expect.block_hash, timestamp: BigInt(testnet.expect.timestamp_ms) } });
  expect(block.ok && block.block.transactions.at(-1)?.id).toBe(testnet.expect.last_tx_hash);
});

test("5 domain separators, and the 3 fee accounts that block 2 names by them [lez-system-accounts]", () => {
  const { values } = recording("v03-domain-separators") as { values: Record<string, string> };
  expect(Object.keys(values)).toHaveLength(5);
  const derived = ["fee state pda", "fee escrow pda", "fee inbox pda"].map((name) =>
    accountOfProgram(FEE_PROGRAM, Buffer.from(values[name] ?? "", "ascii")),
  );
  expect(derived).toEqual(FEE_ACCOUNTS);
  const block = decodeBlock(base64((recording("v03-live-block-2") as { base64: string }).base64));
  expect(block.ok && block.block.transactions[0]?.transaction.selectors.slice(0, 3).map((selector) => selector.account)).toEqual(derived);
  expect(second.accountOfProgram(second.builtin("fee"), values["fee inbox pda"] ?? "")).toBe(
    bytesToHex(lezAccountBytes(derived[2] ?? FEE_PROGRAM)),
  );
  expect(builtinProgram("token")).toBe("AxDdLwqkWgR9qaSctvABV1ZtvWJJyzXB8199xZueifPj");
});

test("3 prefixes of v0.3, as bytes", () => {
  const { account_public, message_public, block } = upstream.prefixes;
  expect(second.accountOfKey(NATIVE)).toBe(second.sha256(second.hex(account_public), second.hex(NATIVE)));
  expect(second.messageHash(second.hex(NATIVE))).toBe(second.sha256(second.hex(message_public), second.hex(NATIVE)));
  expect(Buffer.from(block, "hex").toString("ascii").replaceAll("\0", "")).toBe("/LEE/v0.3/Message/Block/");
});

test("3 recorded accounts, 5 refusals and 5 instructions [lez-recorded-answers]", () => {
  const view = (name: string) => {
    const { json, expect: want } = recording(name) as { json: string; expect: { nonce: string; native_balance: string } };
    const read = V03.rpc.balanceAndNonce(account(NATIVE)).read(JSON.parse(json));
    expect(read, name).toEqual({ balance: BigInt(want.native_balance), nonce: BigInt(want.nonce) });
  };
  ["v03-getAccount-two-shards", "v03-getAccountView-preview", "v03-getAccount-genesis"].forEach(view);

  const bad = JSON.parse((recording("v03-error-bad-account") as { json: string }).json) as { error: { code: number; message: string } };
  expect(V03.classify(bad.error)).toBe("shape");
  const { facts } = recording("v03-live-refusals") as { facts: { code?: number; message?: string }[] };
  expect(facts).toHaveLength(5);
  const refusals = facts.flatMap(({ code, message = "" }) => (code === undefined ? [] : [V03.classify({ code, message })]));
  expect(refusals).toEqual(["fee", "signature", "unknown"]);

  const { cases } = recording("v03-instructions") as { cases: { what: string; amount?: string; hex: string }[] };
  expect(cases).toHaveLength(5);
  const [live] = [decodeTransfer(base64(truth.live_tx_v03.base64))];
  for (const { what, amount, hex } of cases) {
    const read = decodeExactly(base64(truth.live_tx_v03.base64), readTransaction);
    if (!read.ok || !live?.ok) throw new Error("the recorded transaction is gone");
    const wire = encodeTransaction({ ...read.value.transaction, instruction: hexToBytes(hex) });
    const isNative = what === "native Transfer";
    expect(decodeTransfer(wire).ok, what).toBe(isNative);
    if (isNative) expect(decodeTransfer(wire)).toMatchObject({ transfer: { ...live.transfer, value: BigInt(amount ?? 0) } });
  }
});

test("4 steps of the fee market [lez-fee-market]", () => {
  const { cases } = recording("v03-fee-market") as {
    cases: { what: string; base: number; used: number; next?: number; blocks?: number; reaches?: number }[];
  };
  expect(cases).toHaveLength(4);
  for (const { what, base, used, next, blocks = 1, reaches } of cases) {
    let fee = BigInt(base);
    for (let block = 0; block < blocks; block++) fee = nextBaseFee(fee, BigInt(used), EXEC_MARKET);
    expect(fee, what).toBe(BigInt(next ?? reaches ?? 0));
  }
  // What a published transaction reserves, and what a payer of the wallet's default has to hold beside the value.
  expect(reserve({ gasLimit: 2_000_000n, tip: 0n }, TRANSFER_BYTES, { exec: 8n, stor: 8n })).toBe(16_002_968n);
  expect(reserve({ gasLimit: 50_000n, tip: 0n }, TRANSFER_BYTES, { exec: 8n, stor: 8n })).toBe(402_968n);
});

test("2 transactions and 1 deployment of v0.2.4 hash as their crates say, and are no transfers here [lez-v02-refused]", () => {
  expect(truth.v0_2_4.txs).toHaveLength(2);
  for (const { name, program, accounts, nonces, words, signers, message_hash, signatures, tx_hash, base64: text } of truth.v0_2_4.txs) {
    const message = second.messageBytesV02(program, accounts, nonces, words);
    const keys = signers.map((secret) => bytesToHex(publicKeyOf(hexToBytes(secret))));
    const wire = second.wire(
      message,
      keys.map((key, i) => [signatures[i] ?? "", key]),
    );
    expect([second.messageHash(message), second.transactionId(wire), wire.toString("base64")], name).toEqual([message_hash, tx_hash, text]);
    expect(bytesToHex(signSchnorr(message_hash as Digest, hexToBytes(signers[0] ?? ""), NO_AUX)), name).toBe(signatures[0]);
    expect(decodeTransfer(wire), name).toMatchObject({ ok: false, fault: "shape" });
  }
  const deploy = base64(truth.v0_2_4.deploy.base64);
  expect(second.transactionId(Buffer.from(deploy))).toBe(truth.v0_2_4.deploy.hash);
  expect(decodeTransfer(deploy)).toMatchObject({ ok: false, fault: "shape" });
});

test("15 vectors of BIP-340: each verifies or does not, and each secret key signs as it says [bip340-vectors]", () => {
  const lines = readFileSync(new URL("../../test/vectors/lez/bip340.csv", import.meta.url), "utf8")
    .trim()
    .toLowerCase()
    .split("\n")
    .slice(1);
  expect(lines).toHaveLength(15);
  for (const line of lines) {
    const [index, secret = "", publicKey = "", aux = "", message = "", signature = "", result] = line.split(",");
    expect(verifySchnorr(hexToBytes(signature), message as Digest, hexToBytes(publicKey)), index).toBe(result === "true");
    if (secret === "") continue;
    expect(bytesToHex(publicKeyOf(hexToBytes(secret))), index).toBe(publicKey);
    expect(bytesToHex(signSchnorr(message as Digest, hexToBytes(secret), hexToBytes(aux))), index).toBe(signature);
  }
});

test("every group of vectors is a row of the page, with as many as the file has, and the test that is named reads it [lez-vectors-counted]", () => {
  const page = readFileSync("spec/scheme_exact_lez_native.md", "utf8");
  const rows = [...page.matchAll(/^\| `(\w+\.\w+)` \| (?:`([\w-]+)`)?[^|]* \| (\d+) \| (?:\[`([\w-]+)`\]\(\.\.\/(.+)\)|none.*) \|$/gm)];
  const counted = [
    ...Object.entries(truth).map(([group, content]) => ["upstream.json", group, countOf(content)]),
    ...recorded.vectors.map(({ name, ...content }) => ["recorded.json", name, countOf(content)]),
    ...Object.entries({ tree: keys.tree, seeded: keys.seeded }).map(([group, content]) => ["keys.json", group, content.public.length]),
    ["bip340.csv", "", readFileSync("test/vectors/lez/bip340.csv", "utf8").trim().split("\n").length - 1],
  ];
  const said = rows.map(([, file = "", group = "", vectors]) => [file, group, Number(vectors)]);
  expect(new Set(said.map(String))).toEqual(new Set(counted.map(String)));
  expect(said).toHaveLength(counted.length);
  for (const [, , group = "", , id, file] of rows) {
    if (!id || !file || group === "") continue;
    const source = readFileSync(file, "utf8");
    const reads = source.split(/^test\(/m).find((test) => test.includes(`[${id}]`));
    expect([group, reads?.includes(group)]).toEqual([group, true]);
  }
});

/** How many vectors a group has: its lists, or itself. */
function countOf(group: object): number {
  const { values, native_transfers: logged, deploy, ...content } = group as Record<string, unknown[] | object | string>;
  if (Array.isArray(logged)) return 1 + logged.length; // and the tip
  if (values) return Object.keys(values).length;
  const lists = Object.values(content).filter((member) => Array.isArray(member));
  return Math.max(
    lists.reduce((sum, list) => sum + list.length, deploy ? 1 : 0),
    1,
  );
}
