/** The second key of an account: the policy is made, and its key alone sends the account's money when the passkey is lost. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { LedgerRules } from "../../shared/ledger/rules.ts";
import { LEDGER } from "../../shared/ledger/testing/ledger.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { Facilitator } from "../../shared/settlement/facilitator.ts";
import { unixNow } from "../../shared/time.ts";
import { TestPasskey } from "../../test/passkey.ts";
import { randomId } from "../../test/signed.ts";
import { inProcessBackend } from "../demo/in-process.ts";
import { memoryStore } from "../demo/memory-store.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const facilitator = await startFacilitator();
const { owner } = await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json" });
const lost = new TestPasskey("desk.example", "0a".repeat(32));
const TO = DEMO_MERCHANT_ACCOUNT;

test("an account of a passkey and a key is made, and the key alone sends its money [recover-sends]", async () => {
  const made = await box.run(`policy create --key ${lost.account} --key ${owner.account} --out ./recovery.json`);
  expect(made.exit, made.stderr).toBe(EXIT.ok);
  const account = String(made.json.data["account"]) as AccountId;
  const read = await box.run(`recover ./recovery.json ${TO} 20000 --id first --dry-run`);
  expect(read.json.data).toMatchObject({ dryRun: true, from: account, to: TO });
  const terms = String(read.json.data["terms"]);
  const sent = await box.run(`recover ./recovery.json ${TO} 20000 --id first --confirm ${terms}`);
  expect(sent.exit, sent.stderr).toBe(EXIT.ok);
  const [signed] = facilitator.transfers;
  if (!signed) throw new Error("nothing was sent");
  expect(signed).toMatchObject({ authorization: { from: account, to: TO, value: "20000" }, proof: { kind: "policy" } });

  // The real facilitator takes what was sent, once, over the real ledger.
  const ledger = inProcessBackend(new LedgerRules(memoryStore(), { ledger: LEDGER, supply: 10n ** 9n, at: unixNow() }));
  await ledger.fund(account, "25000" as Amount, randomId());
  const real = new Facilitator(ledger, LEDGER);
  expect(await real.transfer(signed)).toMatchObject({ ok: true, payer: account });
  expect(await real.transfer(signed)).toMatchObject({ ok: true });
  expect(await ledger.account(account)).toMatchObject({ balance: "5000" });

  // The same id again is the same transfer, and the audit log holds.
  const again = await box.run(`recover ./recovery.json ${TO} 20000 --id first`);
  expect(again.json.data).toMatchObject({ again: true });
  expect(facilitator.transfers).toHaveLength(1);
  expect((await box.run("audit verify")).exit).toBe(EXIT.ok);
});

test("after a lost answer the same bytes go out again", async () => {
  facilitator.refuses = { status: 503, body: { error: "facilitator_unavailable" } };
  const { json } = await box.run(`recover ./recovery.json ${TO} 300 --id lost --dry-run`);
  const lost = await box.run(`recover ./recovery.json ${TO} 300 --id lost --confirm ${String(json.data["terms"])}`);
  facilitator.refuses = undefined;
  expect(lost.exit).toBe(EXIT.outcomeUnknown);
  expect((await box.run(`recover ./recovery.json ${TO} 300 --id lost`)).exit).toBe(EXIT.ok);
  expect(facilitator.transfers.at(-1)).toEqual(facilitator.transfers.at(-2));
});

test("is refused where the key is none of the account, is not enough alone, or the file is of another account", async () => {
  const third = new TestPasskey("desk.example", "0b".repeat(32));
  await box.run(`policy create --key ${lost.account} --key ${third.account} --out ./others.json`);
  await box.run(`policy create --threshold 2 --key ${lost.account} --key ${owner.account} --out ./both.json`);
  const file = JSON.parse(readFileSync(box.path("recovery.json"), "utf8")) as object;
  box.write("forged.json", { ...file, account: TO });
  const said = async (name: string) => (await box.run(`recover ${name} ${TO} 5 --dry-run`)).json.error;
  expect(await said("./others.json")).toMatchObject({
    code: "usage",
    message: expect.stringContaining("is none of the account") as string,
  });
  expect(await said("./both.json")).toMatchObject({ code: "usage", message: expect.stringContaining("sign together") as string });
  expect(await said("./forged.json")).toMatchObject({ code: "invalid_file", message: expect.stringContaining("does not make") as string });
});

test("a policy that could not sign a mandate is not made [policy-too-large]", async () => {
  const keys = ["1", "2", "3", "4"].map((digit) => `--key ${new TestPasskey("desk.example", `0${digit}`.repeat(32)).account}`).join(" ");
  const large = await box.run(`policy create --threshold 4 ${keys} --out ./large.json`);
  expect([large.exit, large.json.error.code]).toEqual([EXIT.usage, "payload_too_large"]);
  expect(large.json.error.message).toContain("At most 3 keys can sign together");
  const repeated = await box.run(`policy create --key ${owner.account} --key ${owner.account} --out ./large.json`);
  expect(repeated.json.error.message).toContain("without repetition");
});
