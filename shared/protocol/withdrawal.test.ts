import { expect, test } from "vitest";
import { testFields } from "../../test/fields.ts";
import { agent, owner, stranger, WITHDRAWAL } from "../../test/fixtures.ts";
import { ACCOUNT, BAD_ACCOUNTS, BAD_UNIX_SECONDS, badHex } from "../../test/spellings.ts";
import { provesWithdrawal, signWithdrawal, withdrawalSchema } from "./withdrawal.ts";

testFields({
  name: "a Withdrawal",
  schema: withdrawalSchema,
  valid: WITHDRAWAL,
  fields: [
    { path: "version", bad: ["", "0", "2"] },
    { path: "ledger", bad: badHex(32) },
    { path: "session", bad: badHex(32) },
    { path: "from", bad: BAD_ACCOUNTS, good: [ACCOUNT] },
    { path: "requestedAt", bad: BAD_UNIX_SECONDS },
  ],
  strict: [""],
});

test("the payer and the session's signer can withdraw, and no other key", async () => {
  const signed = await Promise.all([owner, agent, stranger].map((signer) => signWithdrawal(WITHDRAWAL, signer)));
  expect(await Promise.all(signed.map((record) => provesWithdrawal(record, agent.publicKey, {})))).toMatchObject([
    { ok: true },
    { ok: true },
    { ok: false },
  ]);
});

test("a withdrawal that was changed has no valid signature", async () => {
  const [own, agents] = await Promise.all([owner, agent].map((signer) => signWithdrawal(WITHDRAWAL, signer)));
  const later = { ...WITHDRAWAL, requestedAt: "1760009999" };
  for (const record of [own, agents])
    expect(record && (await provesWithdrawal({ ...record, withdrawal: later }, agent.publicKey, {}))).toEqual({ ok: false });
});
