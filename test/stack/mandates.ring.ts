/** Mandates against the real stack: one signature, purchases without a person, limits at the ledger, and their end. */

import { beforeAll, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { PASSPHRASE, REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { approveAsRead, people } from "../../agent-cli/testing/people.ts";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { type Mandate, signMandate } from "../../shared/protocol/mandate.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { useStack } from "./stack.ts";

const world = useStack();
const box = sandbox();

beforeAll(async () => {
  await people(box);
  await box.run("doctor"); // makes the state directory
  const { facilitator, ledger } = world.stack;
  box.write("home/config.json", { facilitatorUrl: facilitator, ledger, ownerFile: "../owner.json", agentFile: "../agent.json" });
  expect((await box.run("faucet")).exit).toBe(EXIT.ok);
  // The first purchase is the owner's: it pins the merchant.
  const code = await asked(await buy("first"));
  expect((await approveAsRead(box, code)).exit).toBe(EXIT.ok);
  expect((await box.run(["fetch", "--resume", code])).exit).toBe(EXIT.ok);
});

let purchases = 0;
const buy = (name: string, ...words: string[]) =>
  box.run(["fetch", `${world.stack.merchant}/premium?${name}-${purchases++}`, "--reason", REASON, ...words]);

type Run = Awaited<ReturnType<typeof buy>>;
function asked(run: Run): string {
  expect(run.exit, run.stdout).toBe(EXIT.approvalPending);
  return run.json.error.details?.["shortCode"] as string;
}

/** The price is 10000. */
async function grant(limits: string): Promise<string> {
  const origin = new URL(world.stack.merchant).origin;
  const draft = await box.run(`mandate grant --origin ${origin} ${limits} --dry-run --out ./draft.json --force`);
  expect(draft.exit, draft.stdout).toBe(EXIT.ok);
  const run = await box.run(["mandate", "grant", "--draft", "./draft.json", "--confirm", String(draft.json.data["mandate"])]);
  expect(run.exit, run.stdout).toBe(EXIT.ok);
  return run.json.data["shortCode"] as string;
}

const usageOf = async (code: string) => (await box.run(["mandate", "show", code])).json.data["usage"];

test("purchases within it need no person; the one beyond it is asked for, and its owner's approval pays it [mandate-purchases]", async () => {
  const code = await grant("--per-payment 10000 --total 25000 --per 24h=25000");
  for (const left of ["15000", "5000"]) {
    const bought = await buy("within");
    expect(bought.exit, bought.stdout).toBe(EXIT.ok);
    expect(bought.json.data).toMatchObject({
      receipt: { paid: { amount: "10000" } },
      mandate: { shortCode: code, left: { amount: left } },
    });
  }
  expect((await box.run("inbox")).json.data["requests"]).toEqual([]);
  expect(await usageOf(code)).toMatchObject({
    status: "open",
    used: { amount: "20000" },
    period: { payments: 2, left: { amount: "5000" } },
  });

  const beyond = asked(await buy("beyond"));
  expect((await approveAsRead(box, beyond)).exit).toBe(EXIT.ok);
  expect((await box.run(["fetch", "--resume", beyond])).json.data).toMatchObject({ receipt: { paid: { amount: "10000" } } });
  expect(await usageOf(code)).toMatchObject({ used: { amount: "20000" } });
  const verified = await box.run("audit verify");
  expect([verified.exit, verified.json.data]).toMatchObject([EXIT.ok, { unchecked: 0 }]);
});

test("of an upto the maximum must fit, and what was charged counts [mandate-upto]", async () => {
  const code = await grant("--scheme upto --per-payment 20000 --total 20300 --per 24h=20300");
  const count = (words: string) =>
    box.run(["fetch", `${world.stack.merchant}/count`, "-X", "POST", "-d", words, "--no-ask", "--reason", REASON]);
  const bought = await count("three short words");
  expect(bought.exit, bought.stdout).toBe(EXIT.ok);
  expect(bought.json.data).toMatchObject({ receipt: { paid: { amount: "300" } }, mandate: { shortCode: code, left: { amount: "20000" } } });
  expect((await count("one more")).json.data).toMatchObject({ receipt: { paid: { amount: "200" } } });
  expect(await usageOf(code)).toMatchObject({ used: { amount: "500" }, period: { payments: 2, left: { amount: "19800" } } });
  expect((await count("its maximum is too much")).exit).toBe(EXIT.notAsked);
  expect((await box.run("audit verify")).json.data).toMatchObject({ unchecked: 0 });
});

test("--no-ask pays within it, or ends and files nothing [mandate-no-ask]", async () => {
  const code = await grant("--per-payment 10000 --total 10000");
  expect((await buy("no-ask", "--no-ask")).json.data).toMatchObject({ mandate: { shortCode: code, left: { amount: "0" } } });
  const ended = await buy("no-ask", "--no-ask");
  expect([ended.exit, ended.json.error.code]).toEqual([EXIT.notAsked, "not_asked"]);
  expect((await box.run("inbox")).json.data["requests"]).toEqual([]);
});

test("of two that cover a payment the one that ends first pays it", async () => {
  const long = await grant("--per-payment 10000 --total 100000 --for 20d");
  const short = await grant("--per-payment 10000 --total 10000 --for 1d");
  expect((await buy("order")).json.data["mandate"]).toMatchObject({ shortCode: short });
  expect((await buy("order")).json.data["mandate"]).toMatchObject({ shortCode: long });
  expect((await box.run(["mandate", "revoke", long])).exit).toBe(EXIT.ok);
});

test("a price above --max-amount is paid under no mandate", async () => {
  const code = await grant("--per-payment 10000 --total 100000");
  expect((await buy("dear", "--max-amount", "9999")).json.error.code).toBe("above_max_amount");
  expect(await usageOf(code)).toMatchObject({ used: { amount: "0" } });
  expect((await box.run(["mandate", "revoke", code])).exit).toBe(EXIT.ok);
});

test("revoked, it pays nothing more, and its owner reads that nothing is under way [mandate-revoked]", async () => {
  const code = await grant("--per-payment 10000 --total 100000");
  expect((await buy("before")).exit).toBe(EXIT.ok);
  const revoked = await box.run(["mandate", "revoke", code]);
  expect(revoked.exit, revoked.stdout).toBe(EXIT.ok);
  expect(revoked.json.data).toMatchObject({ mandates: [code], underWay: { payments: 0, atMost: { amount: "0" } } });
  expect((await box.run(["mandate", "revoke", code])).json.data["revokedAt"]).toBe(revoked.json.data["revokedAt"]);
  expect(await usageOf(code)).toMatchObject({ status: "revoked", used: { amount: "10000" } });
  asked(await buy("after"));
  expect((await box.run("audit verify")).exit).toBe(EXIT.ok);
});

test("an agent gives up its own mandate, no other key does, and its next purchase is asked for [mandate-renounced]", async () => {
  const code = await grant("--per-payment 10000 --total 100000");
  expect((await buy("renounce")).json.data["mandate"]).toMatchObject({ shortCode: code });
  await box.run("agent create --out ./other-agent.json");
  const other = await box.run(["mandate", "renounce", code, "--agent-file", "./other-agent.json"]);
  expect(other.json.error.code).toBe("wrong_role");
  expect(await usageOf(code)).toMatchObject({ status: "open" });

  const renounced = await box.run(["mandate", "renounce", code]);
  expect(renounced.exit, renounced.stdout).toBe(EXIT.ok);
  expect(renounced.json.data).toMatchObject({ shortCode: code, underWay: { payments: 0, atMost: { amount: "0" } } });
  expect((await box.run(["mandate", "renounce", code])).json.data["revokedAt"]).toBe(renounced.json.data["revokedAt"]);
  expect(await usageOf(code)).toMatchObject({ status: "revoked", used: { amount: "10000" } });
  asked(await buy("renounce"));
  expect((await box.run("audit verify")).exit).toBe(EXIT.ok);
});

test("at two terminals: the owner types sum and passphrase, the agent buys without a word, and asks again once it is revoked [mandate-terminals]", async () => {
  const ENTER = "\r";
  const sealed = ["--owner-file", "./sealed.json"];
  box.write("secret.txt", PASSPHRASE);
  await box.run(["owner", "create", "--out", "./sealed.json", "--passphrase-file", "./secret.txt"]);
  expect((await box.run(["faucet", ...sealed])).exit).toBe(EXIT.ok);
  const [owner, agent] = [await box.sharedTerminal(), await box.sharedTerminal()];
  const fetched = (name: string) => agent.run(["fetch", `${world.stack.merchant}/premium?${name}`, "--reason", REASON]);
  try {
    const granting = owner.run([
      "mandate",
      "grant",
      "--origin",
      world.stack.merchant,
      "--per-payment",
      "10000",
      "--total",
      "20000",
      ...sealed,
    ]);
    await granting.until("at most 0.00002 LGO in all");
    await granting.answer("without asking?", `y${ENTER}`);
    await granting.until("neither the sum nor the code");
    await granting.answer("without asking?", `0.00002${ENTER}`);
    await granting.answer("Passphrase of", `${PASSPHRASE}${ENTER}`);
    expect(await granting.exit, granting.text).toBe(EXIT.ok);
    expect(granting.text).not.toContain(PASSPHRASE);
    const [code = ""] = /[0-9A-Z]{4}-[0-9A-Z]{4}/.exec(granting.text) ?? [];

    const bought = fetched("terminal-1");
    expect(await bought.exit, bought.text).toBe(EXIT.ok);
    expect(bought.text).toContain(code);
    expect(bought.text).toContain("0.00001 LGO left");

    const revoking = owner.run(["mandate", "revoke", code, ...sealed]);
    await revoking.answer("Passphrase of", `${PASSPHRASE}${ENTER}`);
    expect(await revoking.exit, revoking.text).toBe(EXIT.ok);
    expect(revoking.text).toContain("nothing: no payment can be made any more");

    const after = fetched("terminal-2");
    expect(await after.exit, after.text).toBe(EXIT.approvalPending);
    expect(await usageOf(code)).toMatchObject({ status: "revoked", used: { amount: "10000" } });
  } finally {
    owner.close();
    agent.close();
  }
});

// Last: a mandate that is granted in the second of a revocation of all is revoked by it.
test("a mandate dated ahead keeps --all from ending no other, and ends with them [mandate-dated-ahead]", async () => {
  const code = await grant("--per-payment 10000 --total 20000");
  const at = (days: number) => String(unixNow() + days * 86_400);
  const ahead = { ...box.read<Mandate>("draft.json"), grantedAt: at(1), validAfter: at(1), validBefore: at(2) };
  const { secretKey } = box.read<{ secretKey: string }>("owner.json");
  box.write("ahead.json", await signMandate(ahead, await keySigner(hexToBytes(secretKey))));
  const accepted = await box.run("mandate accept ./ahead.json");
  expect(accepted.exit, accepted.stdout).toBe(EXIT.ok);
  const revoked = await box.run("mandate revoke --all");
  expect(revoked.exit, revoked.stdout).toBe(EXIT.ok);
  for (const one of [code, String(accepted.json.data["shortCode"])]) expect(await usageOf(one)).toMatchObject({ status: "revoked" });
});

test("--all ends every mandate up to now, also those of other machines, and a later one is open again", async () => {
  const codes = [await grant("--per-payment 10000 --total 20000"), await grant("--per-payment 10000 --total 30000")];
  const revoked = await box.run("mandate revoke --all");
  expect(revoked.exit, revoked.stdout).toBe(EXIT.ok);
  expect(revoked.json.data["mandates"]).toEqual(expect.arrayContaining(codes));
  for (const code of codes) expect(await usageOf(code)).toMatchObject({ status: "revoked" });
  asked(await buy("after-all"));
  expect((await box.run("mandate list")).json.data["mandates"]).toEqual([]);
  const later = await grant("--per-payment 10000 --total 10000");
  expect((await buy("after-grant")).json.data["mandate"]).toMatchObject({ shortCode: later });
});

test("a broken audit log does not keep its owner from revoking [mandate-revoked-unrecorded]", async () => {
  const code = await grant("--per-payment 10000 --total 20000");
  expect((await box.run("mandate list")).json.data["lost"]).toEqual([]);
  box.write("home/audit.jsonl", "broken\n");
  const revoked = await box.run("mandate revoke --all");
  expect(revoked.exit, revoked.stdout).toBe(EXIT.ok);
  expect(revoked.stderr).toContain("It is revoked, and was not recorded here");
  expect(await usageOf(code)).toMatchObject({ status: "revoked" });
});
