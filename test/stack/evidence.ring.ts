/** Evidence over the real stack: bought with the command line, exported, and checked elsewhere by who knows public keys alone. */

import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { buffer } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { BIN } from "../../agent-cli/testing/built.ts";
import { REASON, type Run, Sandbox, sandbox } from "../../agent-cli/testing/cli.ts";
import { approveAsRead, people } from "../../agent-cli/testing/people.ts";
import { type Digest, randomDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT, DEMO_MERCHANT_SECRET_KEY } from "../../shared/demo.ts";
import type { Evidence } from "../../shared/evidence/evidence.ts";
import type { JournalEntry } from "../../shared/ledger/journal.ts";
import { creditIn } from "../../shared/ledger/refund-table.ts";
import { shardOf } from "../../shared/ledger/shards.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { MAX_EVIDENCE_BYTES } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { type Mandate, mandateDigest, type SignedMandate, signMandate } from "../../shared/protocol/mandate.ts";
import { type Refund, signRefund } from "../../shared/protocol/refund.ts";
import { keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { encodeHeader, PAYMENT_RESPONSE } from "../../shared/x402/headers.ts";
import type { PaymentRequired } from "../../shared/x402/x402.ts";
import { statement } from "../evidence.ts";
import { change, leaves } from "../fields.ts";
import { newPayer } from "../signed.ts";
import { useStack } from "./stack.ts";

const RECEIPT_KEY = "5a".repeat(32);

/** An agent and its owner at this stack, with money. */
async function moveIn(box: Sandbox, { facilitator, ledger }: { facilitator: string; ledger: string }): Promise<void> {
  await people(box);
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json", agentFile: "../agent.json" });
  expect((await box.run("faucet")).exit).toBe(EXIT.ok);
}

async function ask(box: Sandbox, url: string): Promise<string> {
  return (await box.run(["fetch", url, "--reason", REASON])).json.error.details?.["shortCode"] as string;
}

async function buy(box: Sandbox, url: string): Promise<string> {
  const code = await ask(box, url);
  expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok);
  expect((await box.run(["fetch", "--resume", code])).exit).toBe(EXIT.ok);
  return code;
}

/** What a stranger can look up, in the spelling in which it is published, and whom he has to know anyway. */
async function publicKeys(box: Sandbox, { merchant, facilitator, ledger }: { merchant: string; facilitator: string; ledger: string }) {
  const json = async (url: string) => (await fetch(url)).json();
  const { keys } = (await json(`${merchant}/.well-known/jwks.json`)) as { keys: { x: string }[] };
  const { checkpointKey } = (await json(`${facilitator}/health`)) as { checkpointKey: string };
  return {
    merchants: { [merchant]: keys.map(({ x }) => x) },
    ledgers: { [ledger]: [checkpointKey] },
    owners: [box.read<{ account: string }>("owner.json").account],
    agents: [box.read<{ publicKey: string }>("agent.json").publicKey],
  };
}

/** An answer as it is kept on disk. */
interface Kept {
  fields: [name: string, value: string][];
}
const isReceipt = ([name]: [string, string]) => name.toLowerCase() === PAYMENT_RESPONSE.toLowerCase();
const receiptIn = ({ fields }: Kept) => fields.find(isReceipt)?.[1] ?? "";
const withReceipt = (kept: Kept, value: string) => ({
  ...kept,
  fields: kept.fields.map((field) => (isReceipt(field) ? [field[0], value] : field)),
});

const failed = (run: Run) =>
  ((run.json.error.details?.["points"] ?? []) as { id: string; about: string; verdict: string }[]).filter(
    ({ verdict }) => verdict === "fail",
  );
/** Another last digit, or a letter more. */
function spoiled(text: string): string {
  const digit = text.search(/[0-9](?=[^0-9]*$)/);
  return digit < 0 ? `${text}x` : text.slice(0, digit) + ((Number(text[digit]) + 1) % 10) + text.slice(digit + 1);
}

/** The merchant gives a part of a payment back: with its own key, or with its shop's under a mandate. */
async function giveBack(
  { facilitator, ledger }: { facilitator: string; ledger: string },
  transaction: Digest,
  amount: string,
  signer: WalletSigner,
  mandate?: SignedMandate,
): Promise<void> {
  const page = await fetch(`${facilitator}/accounts/${DEMO_MERCHANT_ACCOUNT}/journal?credits=yes`);
  const { entries } = (await page.json()) as { entries: JournalEntry[] };
  const credit = entries.find((entry) => creditIn(entry, transaction));
  const refund: Refund = {
    version: "1",
    network: NETWORK,
    asset: ASSET,
    ledger: ledger as Digest,
    transaction,
    from: DEMO_MERCHANT_ACCOUNT,
    to: (credit && creditIn(credit, transaction)?.payer) as AccountId,
    entry: credit?.seq ?? "",
    amount: amount as Amount,
    reason: "service_defective",
    id: randomDigest(),
    issuedAt: String(unixNow()),
    ...(mandate && { mandate: mandateDigest(mandate.mandate) }),
  };
  const body = JSON.stringify(await signRefund(refund, signer, mandate));
  const answer = await fetch(`${facilitator}/refunds`, { method: "POST", headers: { "content-type": "application/json" }, body });
  expect(answer.status, await answer.text()).toBe(200);
}

const refundMandate = (from: AccountId, agent: string, ledger: Digest): Mandate => ({
  version: "1",
  network: NETWORK,
  asset: ASSET,
  ledger,
  from,
  agent,
  grantedAt: String(unixNow()),
  validAfter: String(unixNow()),
  validBefore: String(unixNow() + 3600),
  perPayment: "5000" as Amount,
  total: "5000" as Amount,
  payees: ["*"],
  origins: ["*"],
  schemes: ["refund"],
  salt: randomDigest(),
});

const related = (a: string, b: string) => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);

describe("a purchase", () => {
  const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY } } });
  const box = sandbox();
  const url = (query: string) => `${world.stack.merchant}/weather?city=Zurich&${query}`;
  const digestOf = async (request: string) => (await box.run(["request", "show", request])).json.data["requestDigest"] as string;
  let code: string;
  let other: string;
  beforeAll(async () => {
    await moveIn(box, world.stack);
    code = await buy(box, url("one"));
    // The journal moves on.
    other = await buy(box, url("two"));
    await box.run("faucet --amount 5");
    box.write("keys.json", await publicKeys(box, world.stack));
    for (const [request, file] of [
      [code, "one.json"],
      [other, "two.json"],
    ] as const) {
      expect((await box.run(["receipt", "export", request, "--out", box.path(file)])).exit).toBe(EXIT.ok);
    }
  });

  test("is exported whole, and shows none of the payer's other payments [evidence-export-private]", () => {
    const { ledger, ...evidence } = box.read<Evidence>("one.json");
    expect(Object.keys(evidence)).toEqual(["version", "request", "payment", "offer", "receipt"]);
    expect(ledger?.entries).toHaveLength(1);
    expect(ledger?.entries[0]).toMatchObject({ kind: "debit", value: "2500", seq: ledger?.checkpoint.checkpoint.seq });
  });

  test("that was given back is exported with each refund, by whichever key, and both accounts' entries [evidence-export-refunds]", async () => {
    const bought = await buy(box, url("three"));
    expect((await box.run(["receipt", "export", bought, "--out", box.path("paid.json")])).exit).toBe(EXIT.ok);
    expect(box.read<Evidence>("paid.json").refunds).toBeUndefined();
    const paid = (await box.run(["status", bought])).json.data["transaction"] as Digest;
    const seller = await keySigner(DEMO_MERCHANT_SECRET_KEY);
    const shop = await newPayer();
    const mandate = await signMandate(refundMandate(seller.account, shop.publicKey, world.stack.ledger as Digest), seller);
    await giveBack(world.stack, paid, "1000", seller);
    await giveBack(world.stack, paid, "1500", shop, mandate);
    const run = await box.run(["receipt", "export", bought, "--out", box.path("refunded.json")]);
    expect([run.exit, run.json.data]).toMatchObject([EXIT.ok, { missing: [], report: { says: { refunded: { amount: "2500" } } } }]);
    const { refunds = [] } = box.read<Evidence>("refunded.json");
    expect(refunds.map(({ signed, received, given }) => [signed.refund.amount, received?.entries.length, given?.entries.length])).toEqual([
      ["1000", 1, 1],
      ["1500", 1, 1],
    ]);
    expect(refunds[1]?.signed.mandate).toEqual(mandate);
    const verified = await box.run(["receipt", "verify", box.path("refunded.json"), "--keys", box.path("keys.json")]);
    expect([verified.exit, verified.json.data]).toMatchObject([EXIT.ok, { verdict: "verified", failed: 0, unchecked: 0 }]);
    // A page without a refund is as good a file as before.
    expect((await box.run(["receipt", "verify", box.path("paid.json"), "--keys", box.path("keys.json")])).exit).toBe(EXIT.ok);
  });

  test("goes into a file with its code in the name, where none is named", async () => {
    const words = [BIN, "receipt", "export", other];
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: box.directory, env: box.env });
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, data: { file: `evidence-${other}.json` } });
    expect(box.read<Evidence>(`evidence-${other}.json`).request).toEqual(box.read<Evidence>("two.json").request);
  });

  test("is verified by the executable on a machine that knows the public keys, without network and state [evidence-verify-offline]", async () => {
    const elsewhere = mkdtempSync(path.join(tmpdir(), "lez-elsewhere-"));
    try {
      for (const file of ["one.json", "keys.json"]) writeFileSync(path.join(elsewhere, file), readFileSync(box.path(file)));
      const offline = "data:text/javascript,import net from 'node:net'; net.Socket.prototype.connect = () => process.exit(99);";
      const words = ["--import", offline, BIN, "receipt", "verify", "one.json"];
      const run = (...more: string[]) =>
        new Promise<{ exit: number; text: string }>((resolve) => {
          execFile(process.execPath, [...words, ...more], { cwd: elsewhere, env: { HOME: elsewhere } }, (error, text) =>
            resolve({ exit: Number(error?.code ?? 0), text }),
          );
        });
      const verified = await run("--keys", "keys.json");
      expect([verified.exit, verified.text]).toEqual([EXIT.ok, expect.stringContaining('"verdict":"verified"')]);
      expect(JSON.parse(verified.text)).toMatchObject({ data: { says: { shortCode: code, reason: REASON }, failed: 0, unchecked: 0 } });
      // Without a key, nothing is wrong and nothing is verified.
      const strange = await run();
      expect([strange.exit, strange.text]).toEqual([EXIT.notSetUp, expect.stringContaining('"code":"evidence_incomplete"')]);
      expect(readdirSync(elsewhere).toSorted()).toEqual(["keys.json", "one.json"]);
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
  });

  test("is verified with keys by flags, as they are published", async () => {
    const keys = box.read<Awaited<ReturnType<typeof publicKeys>>>("keys.json");
    const flags = ["--merchant-key", keys.merchants[world.stack.merchant]?.[0], "--ledger-key", keys.ledgers[world.stack.ledger]?.[0]];
    const whom = ["--owner", keys.owners[0], "--agent-key", keys.agents[0]];
    const verify = (words: (string | undefined)[]) => box.run(["receipt", "verify", box.path("one.json"), ...words.map(String)]);
    expect((await verify([...flags, ...whom])).json.data).toMatchObject({ verdict: "verified" });
    expect((await verify(flags)).exit).toBe(EXIT.notSetUp);
    // The merchant's key was pinned when the first of these was bought.
    expect((await verify([...flags.slice(2), ...whom])).json.data).toMatchObject({ verdict: "verified" });
    expect((await verify([...whom, "--ledger-key", "5c".repeat(32), ...flags.slice(0, 2)])).exit).toBe(EXIT.differs);
    expect((await verify([...flags, "--agent-key", "me"])).exit).toBe(EXIT.usage);
  });

  test("is verified with the file of known keys that is configured, unless others can change it", async () => {
    const config = box.read<object>("home/config.json");
    try {
      box.write("home/config.json", { ...config, keysFile: "../keys.json" });
      expect((await box.run("receipt verify ./one.json")).json.data).toMatchObject({ verdict: "verified" });
      expect((await box.run(["receipt", "show", code])).json.data).toMatchObject({ report: { verdict: "verified" } });
      chmodSync(box.path("keys.json"), 0o666);
      expect((await box.run("receipt verify ./one.json")).exit).toBe(EXIT.unsafePermissions);
      chmodSync(box.path("keys.json"), 0o600);
    } finally {
      box.write("home/config.json", config);
    }
  });

  test("that was changed in any member differs, and the member is named", async () => {
    const evidence = box.read<Evidence>("one.json");
    for (const member of leaves(evidence)) {
      const before = member.split(".").reduce<unknown>((parent, key) => (parent as Record<string, unknown>)[key], evidence) as string;
      box.write("changed.json", `${JSON.stringify(change(evidence, member, spoiled(before)), null, 2)}\n`);
      const run = await box.run("receipt verify ./changed.json --keys ./keys.json");
      expect([member, run.exit, run.json.error.code]).toEqual([member, EXIT.differs, "evidence_differs"]);
      for (const { about } of failed(run)) expect(related(about, member), `${member}: ${about}`).toBe(true);
    }
  });

  test("within a mandate is exported from the owner's grant to the receipt, and each changed member of the grant is named [evidence-export-mandate]", async () => {
    const limits = ["--origin", world.stack.merchant, "--per-payment", "2500", "--total", "2500", "--out", box.path("draft.json")];
    const draft = await box.run(["mandate", "grant", ...limits, "--dry-run"]);
    const mandate = String(draft.json.data["mandate"]);
    expect((await box.run(["mandate", "grant", "--draft", box.path("draft.json"), "--confirm", mandate])).exit).toBe(EXIT.ok);
    const bought = await box.run(["fetch", url("within"), "--reason", REASON, "--no-ask"]);
    expect(bought.exit, bought.stdout).toBe(EXIT.ok);
    const within = bought.json.data["shortCode"] as string;
    const says = {
      shortCode: within,
      mandate: { mandate, worst: { amount: "2500" }, agentKey: box.read<{ publicKey: string }>("agent.json").publicKey },
    };
    expect((await box.run(["receipt", "show", within])).json.data).toMatchObject({
      signed: { receipt: true },
      report: { failed: 0, says },
    });
    expect((await box.run(["receipt", "export", within, "--out", box.path("within.json")])).exit).toBe(EXIT.ok);
    const verify = (file: string, terminal = false) => box.run(`receipt verify ./${file} --keys ./keys.json`, { terminal });
    const { json } = await verify("within.json");
    expect(json.data).toMatchObject({ verdict: "verified", says });
    expect(json.data["says"]).not.toHaveProperty("approvedAt");
    expect((await verify("within.json", true)).stdout).toContain(", granted at ");

    const evidence = box.read<Evidence>("within.json");
    expect(evidence.ledger?.entries[0]?.mandate).toBe(mandate);
    for (const member of leaves(evidence).filter((path) => path.includes("mandate"))) {
      const before = member.split(".").reduce<unknown>((parent, key) => (parent as Record<string, unknown>)[key], evidence) as string;
      box.write("changed.json", `${JSON.stringify(change(evidence, member, spoiled(before)), null, 2)}\n`);
      const run = await verify("changed.json");
      expect([member, run.exit]).toEqual([member, EXIT.differs]);
      for (const { about } of failed(run)) expect(related(about, member), `${member}: ${about}`).toBe(true);
    }
    box.write("changed.json", `${JSON.stringify(change(evidence, "payment.mandate", undefined), null, 2)}\n`);
    expect(failed(await verify("changed.json"))).toMatchObject([{ id: "mandate.named", about: "payment.mandate" }]);
  });

  test("pasted together with another one differs, and the member is named", async () => {
    const [one, two] = [box.read<Evidence>("one.json"), box.read<Evidence>("two.json")];
    for (const [part, id] of [
      ["receipt", "receipt.terms"],
      ["ledger", "ledger.entry"],
      ["request", "request.approved"],
      ["offer", "offer.terms"],
    ] as const) {
      box.write("pasted.json", `${JSON.stringify({ ...one, [part]: two[part] }, null, 2)}\n`);
      const run = await box.run("receipt verify ./pasted.json --keys ./keys.json");
      expect([part, run.exit, failed(run).map((point) => point.id)]).toEqual([part, EXIT.differs, [id]]);
    }
  });

  test("reads like this on a terminal", async () => {
    const good = await box.run("receipt verify ./one.json --keys ./keys.json", { terminal: true });
    expect(good.stdout).toContain(REASON.slice(0, 40));
    expect(good.stdout).toMatch(/Verified: \d+ passed, 0 warnings, 0 failed, 0 not checked\n$/);
    box.write("changed.json", readFileSync(box.path("one.json"), "utf8").replace('"value": "2500"', '"value": "2501"'));
    const bad = await box.run("receipt verify ./changed.json --keys ./keys.json", { terminal: true });
    expect(bad.exit).toBe(EXIT.differs);
    expect(bad.stdout).toContain("DIFFERS");
    expect(bad.stdout + bad.stderr).toMatch(/payment\.authorization\.value/);
    const strange = await box.run("receipt verify ./one.json", { terminal: true });
    expect(strange.stdout).toMatch(/not checked[^]*unknown account/);
  });

  test("has a receipt that can be shown", async () => {
    const shown = await box.run(["receipt", "show", code]);
    expect(shown.json.data).toMatchObject({
      stated: { fits: true, network: "logos:lez-testnet", amount: "2500" },
      signed: { offer: true, receipt: true },
      report: { verdict: "incomplete", failed: 0, says: { shortCode: code } },
    });
    expect((await box.run(["receipt", "show", code], { terminal: true })).stdout).toContain("by the merchant, as proof of delivery");
  });

  test("has a receipt that is shown for what it is when it is another payment's", async () => {
    const answerOf = async (request: string) => `home/answers/${await digestOf(request)}.json`;
    const [mine, foreign] = [box.read<Kept>(await answerOf(code)), box.read<Kept>(await answerOf(other))];
    try {
      box.write(await answerOf(code), withReceipt(mine, receiptIn(foreign)));
      const shown = await box.run(["receipt", "show", code]);
      expect([shown.exit, failed(shown)]).toMatchObject([EXIT.differs, [{ id: "receipt.terms", about: "receipt" }]]);
      const unsigned = { success: true, transaction: "7e".repeat(32), network: "logos:lez-testnet" };
      box.write(await answerOf(code), withReceipt(mine, encodeHeader(unsigned)));
      expect((await box.run(["receipt", "show", code])).json.data).toMatchObject({ stated: { fits: false }, signed: { receipt: false } });
    } finally {
      box.write(await answerOf(code), mine);
    }
  });

  test("is exported by the request's file as well, and no file is replaced", async () => {
    box.write("request.json", box.read<Evidence>("one.json").request);
    const words = ["receipt", "export", box.path("request.json"), "--out", box.path("again.json")];
    expect((await box.run(words)).exit).toBe(EXIT.ok);
    expect((await box.run(words)).json.error.code).toBe("file_exists");
  });

  test.each<[string, string, number]>([
    // Something else, named by mistake.
    ["one byte", "x", EXIT.usage],
    ["not JSON", "Dear sirs,", EXIT.usage],
    ["10 MB", " ".repeat(10 * 1024 * 1024), EXIT.usage],
    ["as large as is read", " ".repeat(MAX_EVIDENCE_BYTES), EXIT.usage],
    // What was evidence once, or pretends to be.
    ["half of it", '{ "version": "1", "request": { "ver', EXIT.differs],
    ["a key twice", '{ "version": "1", "request": {}, "request": {} }', EXIT.differs],
    ["another version", '{ "version": "2", "request": {}, "payment": {} }', EXIT.differs],
  ])("is not a file of %s", async (_what, content, exit) => {
    box.write("nonsense.json", content);
    expect((await box.run("receipt verify ./nonsense.json --keys ./keys.json")).exit).toBe(exit);
  });

  describe("that was not made", () => {
    const exporting = (request: string, ...more: string[]) =>
      box.run(["receipt", "export", request, "--out", box.path("nothing.json"), ...more]);
    const nothingWritten = () => expect(readdirSync(box.directory)).not.toContain("nothing.json");

    test("has no evidence: undecided, declined, unknown", async () => {
      const pending = await ask(box, url("pending"));
      expect((await exporting(pending)).exit).toBe(EXIT.approvalPending);
      await box.run(["decline", pending, "--code", "other"]);
      for (const more of [[], ["--partial"]]) expect((await exporting(pending, ...more)).exit).toBe(EXIT.declined);
      expect((await exporting("0000-0000")).exit).toBe(EXIT.notSetUp);
      expect((await box.run(["receipt", "show", pending])).exit).toBe(EXIT.declined);
      nothingWritten();
    });

    test("has no evidence: it was approved and not presented, or the ledger refused it", async () => {
      const approved = await ask(box, url("approved"));
      await approveAsRead(box, approved);
      const unpaid = await exporting(approved);
      expect([unpaid.exit, unpaid.json.error.code]).toEqual([EXIT.notSetUp, "receipt_not_found"]);
      expect((await exporting(approved, "--partial")).json.error.code).toBe("receipt_not_found");
      await box.run(["revoke", approved, "--code", "other"]);
      expect((await exporting(approved)).exit).toBe(EXIT.declined);
      nothingWritten();
    });

    test("for all that is known here, has no evidence: it is in doubt, or was refused", async () => {
      const doubtful = await buy(box, url("doubtful"));
      const file = `home/payments/${await digestOf(doubtful)}.json`;
      const { transaction: _, ...record } = box.read<Record<string, unknown>>(file);
      box.write(file, { ...record, state: "sent" });
      const unknown = await exporting(doubtful, "--partial");
      expect([unknown.exit, unknown.json.next?.argv]).toEqual([EXIT.outcomeUnknown, ["lez-agent-pay", "status", doubtful]]);
      box.write(file, { ...record, state: "refused", code: "insufficient_funds" });
      expect([(await exporting(doubtful)).exit, (await exporting(doubtful)).json.error.code]).toEqual([
        EXIT.paymentRejected,
        "insufficient_funds",
      ]);
      nothingWritten();
    });
  });

  describe("of which something is missing", () => {
    const partial = async (request: string, env: Record<string, string> = {}) => {
      const words = ["receipt", "export", request, "--out", box.path("partial.json")];
      rmSync(box.path("partial.json"), { force: true });
      return [await box.run(words, { env }), await box.run([...words, "--partial"], { env })] as const;
    };
    const unreachable = { LEZ_FACILITATOR_URL: "http://127.0.0.1:9" };

    test("the facilitator: later, or without the ledger's part", async () => {
      const [whole, part] = await partial(code, unreachable);
      expect(whole.exit).toBe(EXIT.network);
      expect(part.json.data["missing"]).toMatchObject([{ part: "ledger" }, { part: "refunds" }]);
      expect((await box.run("receipt verify ./partial.json --keys ./keys.json")).exit).toBe(EXIT.notSetUp);
      expect((await box.run("receipt verify ./partial.json --keys ./keys.json --partial")).exit).toBe(EXIT.ok);
    });

    test("everything that the agent knows: an owner can still show what the ledger says", async () => {
      const elsewhere = await buy(box, url("elsewhere"));
      for (const kind of ["answers", "payments"]) rmSync(box.path(`home/${kind}/${await digestOf(elsewhere)}.json`));
      const [whole, part] = await partial(elsewhere);
      expect([whole.exit, whole.json.error.code]).toEqual([EXIT.notSetUp, "receipt_not_found"]);
      expect(part.json.data).toMatchObject({ missing: [{ part: "receipt" }], report: { failed: 0 } });
      expect((await box.run("receipt verify ./partial.json --keys ./keys.json --partial")).exit).toBe(EXIT.ok);
    });

    test("the answer with its receipt: only if asked to, and then the ledger still shows that it was paid", async () => {
      const lost = await buy(box, url("lost"));
      rmSync(box.path(`home/answers/${await digestOf(lost)}.json`));
      const [whole, part] = await partial(lost);
      expect([whole.exit, whole.json.error.details?.["missing"]]).toEqual([EXIT.notSetUp, [{ part: "receipt", why: expect.any(String) }]]);
      expect(part.json.data["missing"]).toMatchObject([{ part: "receipt" }]);
      expect((await box.run("receipt verify ./partial.json --keys ./keys.json --partial")).exit).toBe(EXIT.ok);
      const [, neither] = await partial(lost, unreachable);
      expect(neither.json.error.code).toBe("receipt_not_found");
    });
  });

  describe("of a merchant that signs nonsense", () => {
    const exporting = (...more: string[]) => {
      rmSync(box.path("rest.json"), { force: true });
      return box.run(["receipt", "export", code, "--out", box.path("rest.json"), ...more]);
    };

    test("is exported with the offer that its key signed, whatever stands before it", async () => {
      const file = `home/requests/${await digestOf(code)}.json`;
      const stored = box.read<{ required: PaymentRequired }>(file);
      const { payTo, amount, asset, network, scheme } = box.read<Evidence>("one.json").request.payment;
      const terms = { version: 1, resourceUrl: url("one"), scheme, network, asset, payTo, amount, validUntil: 1 };
      const forged = await statement(terms, "77".repeat(32), `did:web:${encodeURIComponent(new URL(world.stack.merchant).host)}#key`);
      const extension = stored.required.extensions?.["offer-receipt"] as { info: { offers: unknown[] } };
      const offers = [forged, ...extension.info.offers];
      const extensions = { ...stored.required.extensions, "offer-receipt": { ...extension, info: { ...extension.info, offers } } };
      try {
        box.write(file, { ...stored, required: { ...stored.required, extensions } });
        expect((await exporting()).json.data).toMatchObject({ missing: [], report: { failed: 0, warned: 0 } });
        expect(box.read<Evidence>("rest.json").offer).toEqual(box.read<Evidence>("one.json").offer);
      } finally {
        box.write(file, stored);
      }
    });

    test("is exported without a receipt that does not hold, if asked to, and that is said [evidence-export-partial]", async () => {
      const answerOf = async (request: string) => `home/answers/${await digestOf(request)}.json`;
      const [mine, foreign] = [box.read<Kept>(await answerOf(code)), box.read<Kept>(await answerOf(other))];
      rmSync(box.path("rest.json"), { force: true });
      try {
        box.write(await answerOf(code), withReceipt(mine, receiptIn(foreign)));
        const whole = await exporting();
        expect([whole.exit, whole.json.error.hint]).toEqual([EXIT.differs, expect.stringContaining("--partial")]);
        expect(readdirSync(box.directory)).not.toContain("rest.json");
        const rest = await exporting("--partial");
        expect(rest.json.data).toMatchObject({ missing: [{ part: "receipt", why: expect.stringContaining("receipt.terms") }] });
        expect(box.read<Evidence>("rest.json")).toMatchObject({ offer: box.read<Evidence>("one.json").offer, ledger: {} });
        expect((await box.run("receipt verify ./rest.json --keys ./keys.json --partial")).exit).toBe(EXIT.ok);
      } finally {
        box.write(await answerOf(code), mine);
      }
    });
  });

  test("is not exported on the word of a facilitator that lies [evidence-lying-facilitator]", async () => {
    const liar = http.createServer((request, response) => {
      void buffer(request).then(async (body) => {
        const { method = "GET" } = request;
        const honest = await fetch(world.stack.facilitator + request.url, { method, ...(method === "POST" && { body }) });
        const text = await honest.text();
        response.end(text.replace(/"balance(After)?":"(\d+)/, '"balance$1":"1$2'));
      });
    });
    await new Promise<void>((resolve) => liar.listen(0, "127.0.0.1", resolve));
    try {
      const words = ["receipt", "export", other, "--out", box.path("lie.json")];
      const run = await box.run(words, { env: { LEZ_FACILITATOR_URL: `http://127.0.0.1:${(liar.address() as AddressInfo).port}` } });
      expect([run.exit, run.json.error.code]).toEqual([EXIT.differs, "evidence_differs"]);
      expect(failed(run).every(({ id }) => id.startsWith("ledger."))).toBe(true);
      expect(readdirSync(box.directory)).not.toContain("lie.json");
    } finally {
      liar.close();
    }
  });
});

describe("a merchant and a ledger without keys", () => {
  const world = useStack({ vars: { "lez-ledger-do": { CHECKPOINT_KEY: "" } } });
  const box = sandbox();
  beforeAll(() => moveIn(box, world.stack));

  test("leave nothing that a third party could check, and that is said", async () => {
    const code = await buy(box, `${world.stack.merchant}/premium`);
    const words = ["receipt", "export", code, "--out", box.path("evidence.json"), "--partial"];
    const run = await box.run(words);
    expect([run.exit, run.json.error.code]).toEqual([EXIT.notSetUp, "receipt_not_found"]);
    for (const said of [
      "offer (the merchant did not sign this offer)",
      "receipt (the merchant signed no receipt)",
      "ledger (the ledger signs no checkpoints)",
    ])
      expect(run.json.error.message).toContain(said);
    expect((await box.run(["receipt", "show", code])).json.data).toMatchObject({ signed: { offer: false, receipt: false } });
  });
});

describe("a ledger of four shards", () => {
  const world = useStack({ shards: 4, vars: { "lez-merchant": { RECEIPT_KEY } } });
  const boxes = Array.from({ length: 3 }, () => new Sandbox());
  afterAll(() => boxes.forEach((box) => box.remove()));

  test("signs for payers of any of them, with one key [evidence-shards-one-key]", async () => {
    const shards = new Set<number>();
    for (const box of boxes) {
      await moveIn(box, world.stack);
      const code = await buy(box, `${world.stack.merchant}/premium`);
      box.write("keys.json", await publicKeys(box, world.stack));
      expect((await box.run(["receipt", "export", code, "--out", box.path("evidence.json")])).exit).toBe(EXIT.ok);
      expect((await box.run("receipt verify ./evidence.json --keys ./keys.json")).json.data).toMatchObject({ verdict: "verified" });
      shards.add(shardOf(box.read<Evidence>("evidence.json").payment.authorization.from, 4));
    }
    expect(shards.size).toBeGreaterThan(0);
  });
});
