/** `npm run zone`: the owner's commands on the chain itself, by hand, at a devnet in this process: sign, send, doctor. */

import { existsSync, mkdirSync, rmSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import type { NativePayload } from "../../shared/zone/statement.ts";
import { keyOf } from "../../workers/lez-devnet/testing/devnet-chain.ts";
import { createLezKeyFile } from "../keys/lez-key-file.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { Secret } from "../runtime/secret.ts";
import { PASSPHRASE, sandbox } from "../testing/cli.ts";
import { serveSequencer, type TestSequencer } from "../testing/sequencer.ts";

const [alice, shop, poor] = [keyOf("alice"), keyOf("shop"), keyOf("poor")];
const SIGN = "lez sign ./offer.json --out ./payment.json --owner-file ./alice.json --passphrase-file ./secret.txt";
const SEND = "lez send ./payment.json";
const TYPED = "Type the amount in lepta, in full";

const box = sandbox();
const sequencer = await serveSequencer([[alice, 1_000_000_000n]]);
box.write("secret.txt", PASSPHRASE);
for (const [name, { secretKey }] of Object.entries({ alice, poor })) {
  const bytes = Uint8Array.from(secretKey);
  box.write(`${name}.json`, await createLezKeyFile(new Secret(bytes), new Secret(Buffer.from(PASSPHRASE))));
}

function offerOf({ chain }: TestSequencer, changes: object = {}, extra: object = {}) {
  return {
    scheme: "exact",
    network: "lez:devnet",
    asset: "native",
    amount: "10000",
    payTo: shop.account,
    maxTimeoutSeconds: 900,
    extra: {
      assetTransferMethod: "transaction",
      paymentFlow: "upfront",
      ledger: chain.genesis,
      dialect: "v0.3",
      maxFee: "1000000",
      finality: "head",
      statement: "required",
      ...extra,
    },
    ...changes,
  };
}
function configure(url: string): void {
  mkdirSync(box.path("home"), { recursive: true, mode: 0o700 });
  box.write("home/config.json", { sequencers: { "lez:devnet": url } });
}
const required = (...accepts: object[]) => ({ x402Version: 2, resource: { url: "https://shop.example/premium" }, accepts });
const signed = () => box.read<PaymentPayload>("payment.json").payload as NativePayload;
const balance = ({ account }: typeof shop) => sequencer.chain.account(account).balance;
const events = async () => ((await box.run("audit list")).json.data["entries"] as { event: string }[]).map(({ event }) => event);

beforeEach(() => {
  for (const name of ["payment.json", "home"]) rmSync(box.path(name), { recursive: true, force: true });
  configure(sequencer.url);
  box.write("offer.json", required({ ...offerOf(sequencer), network: "logos:lez-testnet" }, offerOf(sequencer)));
});
afterEach(() => {
  sequencer.instead = undefined;
  while (sequencer.chain.waiting > 0) sequencer.mine();
});

test("an offer is signed by hand and sent by hand, once each has its amount typed, and the chain pays [lez-by-hand]", async () => {
  const before = balance(shop);
  const sign = await box.run(SIGN, {
    answers: [
      [TYPED, "1000"],
      [TYPED, "10000"],
    ],
  });
  expect(sign.exit, sign.screen).toBe(EXIT.ok);
  expect(sign.json.data).toMatchObject({ network: "lez:devnet", from: alice.account, to: shop.account, amount: { amount: "10000" } });
  for (const fact of [
    "0.00001 LGO = 10000 lepta, exactly",
    shop.account,
    "https://shop.example/premium, as the file says",
    "does not expire",
  ]) {
    expect(sign.screen.replaceAll(/\s+/g, " ")).toContain(fact);
  }
  expect(signed().statement).not.toHaveProperty("requestDigest");
  expect([sequencer.chain.waiting, balance(shop)]).toEqual([0, before]);
  const sent = await box.run(SEND, { answers: [[TYPED, "10000"]] });
  expect(sent.json.data).toMatchObject({ answer: "queued", transaction: sign.json.data["transaction"] });
  expect(balance(shop)).toBe(before);
  sequencer.mine();
  expect(balance(shop)).toBe(before + 10_000n);
  expect(await events()).toEqual(["signed_by_hand", "broadcast"]);
  const again = await box.run(`${SEND} --confirm ${sign.json.data["transaction"]}`);
  expect(again).toMatchObject({ exit: EXIT.paymentRejected, json: { error: { code: "nonce_replayed" } } });
});

test("nothing is signed or sent without the amount, and a dry run changes nothing [lez-by-hand-typed]", async () => {
  const dry = await box.run(`${SIGN} --dry-run`);
  expect(dry.json.data).toMatchObject({ dryRun: true, nonce: String(sequencer.chain.account(alice.account).nonce) });
  for (const answers of [
    [[TYPED, ""]],
    [
      [TYPED, "1"],
      [TYPED, "2"],
      [TYPED, "y"],
    ],
  ] as [string, string][][]) {
    expect((await box.run(SIGN, { answers })).json.error.code).toBe("not_approved");
  }
  expect(await box.run(SIGN)).toMatchObject({ exit: EXIT.approvalPending, json: { error: { code: "interaction_required" } } });
  expect(existsSync(box.path("payment.json"))).toBe(false);
  expect((await box.run(`${SIGN} --confirm ${"0".repeat(64)}`)).json.error.code).toBe("request_differs");
  expect((await box.run(`${SIGN} --confirm ${dry.json.data["digest"]}`)).exit).toBe(EXIT.ok);
  for (const typed of [[""], ["1", "9999", "y"]]) {
    const answers = typed.map((text): [string, string] => [TYPED, text]);
    expect((await box.run(SEND, { answers })).json.error.code).toBe("not_approved");
  }
  expect(await box.run(SEND)).toMatchObject({ exit: EXIT.approvalPending });
  expect((await box.run(`${SEND} --dry-run`)).json.data).toMatchObject({ dryRun: true });
  expect(sequencer.chain.waiting).toBe(0);
});

test("another chain than the pinned one, or than the payment's, gets nothing [lez-by-hand-chain]", async () => {
  expect((await box.run(`${SIGN} --dry-run`)).exit).toBe(EXIT.ok);
  const other = await serveSequencer([
    [alice, 5n],
    [shop, 5n],
  ]);
  const elsewhere = await box.run(`${SIGN} --sequencer ${other.url} --dry-run`);
  expect(elsewhere).toMatchObject({ exit: EXIT.differs, json: { error: { code: "ledger_mismatch" } } });
  box.write("offer.json", required(offerOf(other)));
  expect((await box.run(SIGN)).json.error).toMatchObject({
    code: "ledger_mismatch",
    message: expect.stringContaining("for another chain"),
  });
  box.write("offer.json", required(offerOf(sequencer)));
  await box.run(SIGN, { answers: [[TYPED, "10000"]] });
  const sent = await box.run(`${SEND} --sequencer ${other.url}`, { answers: [[TYPED, "10000"]] });
  expect(sent.json.error.code).toBe("ledger_mismatch");
  rmSync(box.path("home/wallet/lez-chains.json"));
  const unpinned = await box.run(`${SEND} --sequencer ${other.url}`, { answers: [[TYPED, "10000"]] });
  expect(unpinned.json.error).toMatchObject({
    code: "ledger_mismatch",
    message: expect.stringContaining("The payment is for another chain"),
  });
  expect([sequencer.chain.waiting, other.chain.waiting]).toEqual([0, 0]);
});

test("a payment that was changed, or that is another's, is not sent [lez-by-hand-changed]", async () => {
  await box.run(SIGN, { answers: [[TYPED, "10000"]] });
  const payload = box.read<PaymentPayload>("payment.json");
  const { signature = "" } = signed();
  const changes: [object, string][] = [
    [{ accepted: { ...payload.accepted, amount: "9999" } }, "amount_mismatch"],
    [{ accepted: { ...payload.accepted, payTo: poor.account } }, "recipient_mismatch"],
    [{ payload: { ...payload.payload, signature: `${signature.slice(0, -1)}${signature.endsWith("0") ? 1 : 0}` } }, "invalid_signature"],
    [{ accepted: { ...payload.accepted, network: "logos:lez-testnet" } }, "invalid_network"],
    [{ payload: {} }, "invalid_payload"],
  ];
  for (const [change, code] of changes) {
    box.write("payment.json", { ...payload, ...change });
    expect(await box.run(SEND), code).toMatchObject({ exit: EXIT.differs, json: { error: { code } } });
  }
  expect(sequencer.chain.waiting).toBe(0);
});

test("what the sequencer says is said: refused, full, lost, nonsense [lez-by-hand-answers]", async () => {
  const sign = await box.run(SIGN, { answers: [[TYPED, "10000"]] });
  const send = `${SEND} --confirm ${sign.json.data["transaction"]}`;
  const says = (body: object | string) => {
    sequencer.instead = (method) =>
      method === "sendTransaction"
        ? { body: typeof body === "string" ? body : JSON.stringify({ jsonrpc: "2.0", id: 1, ...body }) }
        : undefined;
  };
  says({ error: { code: -32_602, message: "Incorrect fee" } });
  expect(await box.run(send)).toMatchObject({
    exit: EXIT.paymentRejected,
    json: { error: { code: "fee_rejected", message: expect.stringContaining("Incorrect fee") } },
  });
  says({ error: { code: -31_900, message: "Mempool is full" } });
  expect(await box.run(send)).toMatchObject({ exit: EXIT.busy });
  says({ error: { code: -32_602, message: "Something\u001b[2J new" } });
  const refused = await box.run(send);
  expect(refused).toMatchObject({ exit: EXIT.paymentRejected });
  expect(refused.screen).not.toContain("\u001b[2J");
  for (const nonsense of ["<html>", JSON.stringify({ jsonrpc: "2.0", id: 1, result: "0".repeat(64) })]) {
    says(nonsense);
    expect(await box.run(send)).toMatchObject({ exit: EXIT.outcomeUnknown, json: { error: { code: "outcome_unknown" } } });
  }
  sequencer.instead = (method) => (method === "sendTransaction" ? { breaks: true } : undefined);
  expect(await box.run(send)).toMatchObject({ exit: EXIT.outcomeUnknown });
});

test("an offer that cannot be paid is named before the passphrase", async () => {
  for (const [offer, code] of [
    [required(offerOf(sequencer, {}, { dialect: "v0.4" })), "unsupported_extra"],
    [required(offerOf(sequencer, { scheme: "upto" })), "unsupported_scheme"],
    [required(offerOf(sequencer, { payTo: alice.account })), "recipient_mismatch"],
    [required(offerOf(sequencer, {}, { maxFee: "1" })), "fee_rejected"],
    [required({ ...offerOf(sequencer), network: "logos:lez-testnet" }), "unsupported"],
    [required(offerOf(sequencer), offerOf(sequencer, { amount: "1" })), "unsupported"],
    ["{", "invalid_file"],
  ] as const) {
    box.write("offer.json", offer);
    expect((await box.run(SIGN)).json.error.code).toBe(code);
  }
  box.write("offer.json", offerOf(sequencer));
  expect((await box.run(`${SIGN} --dry-run`)).json.data).toMatchObject({ dryRun: true });
});

test("accounts says the kind, and of a key of the chain what it holds there [accounts-chain]", async () => {
  const of = async (name: string) => {
    const run = await box.run(`accounts --owner-file ./${name}.json`);
    const text = await box.run(`accounts --owner-file ./${name}.json`, { terminal: true });
    return { ...(run.json.data["accounts"] as object[])[0], text: text.stdout.replaceAll(/\s+/g, " ") };
  };
  const { nonce, balance } = sequencer.chain.account(alice.account);
  expect(await of("alice")).toMatchObject({
    kind: "lez",
    account: alice.account,
    chain: [{ network: "lez:devnet", balance: { amount: balance.toString() }, nonce: nonce.toString(), used: true }],
  });
  expect(await of("poor")).toMatchObject({ chain: [{ used: false }], text: expect.stringContaining("never used, or not on this chain") });
  expect((await of("poor")).text).not.toContain("0 LGO");
  sequencer.instead = () => ({ status: 503 });
  expect(await of("alice")).toMatchObject({ chain: [{ problem: expect.stringContaining("no usable answer") }] });
  rmSync(box.path("home/config.json"));
  expect(await of("alice")).toMatchObject({ chain: [], problem: "no sequencer is configured" });
});

test("doctor names the chain, its age and what is given out, and pins nothing [doctor-chain]", async () => {
  type Check = { check: string; verdict: string; detail: string };
  const checks = async () => {
    const { details } = (await box.run("doctor")).json.error;
    return ((details?.["checks"] ?? []) as Check[]).filter(({ check }) => ["chain", "nonces", "clock"].includes(check));
  };
  expect(await checks()).toEqual([
    {
      check: "chain",
      verdict: "good",
      detail: expect.stringMatching(new RegExp(`^lez:devnet at .*${sequencer.chain.genesis} \\(not used here yet\\); block \\d+ is`)),
    },
  ]);
  expect(existsSync(box.path("home/wallet/lez-chains.json"))).toBe(false);
  const sign = await box.run(SIGN, { answers: [[TYPED, "10000"]] });
  expect(await checks()).toMatchObject([
    { check: "chain", verdict: "good", detail: expect.stringContaining("(as since") },
    {
      check: "nonces",
      verdict: "note",
      detail: expect.stringMatching(
        new RegExp(`^nonce ${sign.json.data["nonce"]} of ${alice.account} .* is not used; its request can be paid for`),
      ),
    },
  ]);
  await box.run(`${SEND} --confirm ${sign.json.data["transaction"]}`);
  sequencer.mine();
  expect(await checks()).toMatchObject([{ check: "chain" }]);
  sequencer.instead = () => ({ status: 503 });
  expect(await checks()).toMatchObject([
    { check: "chain", verdict: "bad" },
    { check: "nonces", detail: expect.stringContaining("perhaps used") },
  ]);
  sequencer.instead = undefined;
  const other = await serveSequencer([
    [alice, 5n],
    [shop, 5n],
  ]);
  configure(other.url);
  expect((await checks())[0]).toMatchObject({ check: "chain", verdict: "bad", detail: expect.stringContaining("another chain") });
});

test("doctor sees a chain that stands still, and a clock that is behind its blocks [doctor-chain-clock]", async () => {
  const old = await serveSequencer([[alice, 5n]], 7200);
  configure(old.url);
  const details = async () => JSON.stringify((await box.run("doctor")).json.error.details);
  expect(await details()).toContain("is 2 h old; the chain stands still");
  old.mine(-7200);
  expect(await details()).toContain("ahead of this machine's clock");
});
