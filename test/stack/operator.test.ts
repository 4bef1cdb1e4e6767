/** What the operator writes into a running ledger with the command line, over real Workers: its clock, and money from the treasury. */

import { describe, expect, test } from "vitest";
import { EXIT } from "../../agent-cli/runtime/exit-codes.ts";
import { sandbox } from "../../agent-cli/testing/cli.ts";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { CLOCK_RISK } from "../../shared/ledger/set-clock.ts";
import { MAX_FUNDING } from "../../shared/limits.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { newPayer, randomId } from "../signed.ts";
import { useStack } from "./stack.ts";

const KEY = "the-operators-key";
const OPERATOR_KEY_SHA256 = bodyDigest(utf8(KEY));

/** Two units above what one call may pay out. */
const FUNDING_CAP = String(MAX_FUNDING + 2n);
const world = useStack({
  shards: 2,
  vars: { "lez-facilitator": { OPERATOR_KEY_SHA256 }, "lez-ledger-do": { OPERATOR_KEY_SHA256, FUNDING_CAP } },
});
const box = sandbox();
const ledger = async (...args: string[]) => {
  box.write("operator.key", KEY, 0o600);
  box.write("other.key", "a-guess", 0o600);
  return box.run(["ledger", ...args, "--facilitator-url", world.stack.facilitator]);
};
const operator = ["--operator-key-file", "./operator.key"];

describe("ledger clock", () => {
  const clock = (...args: string[]) => ledger("clock", ...args);
  const set = (time: number, ...args: string[]) => clock("--set", formatTimestamp(time), ...args);
  const shards = async () => (await clock(...operator)).json.data["shards"] as { now: number; final: number; machine: number }[];

  test("is set with the operator's key alone, even where the faucet is on", async () => {
    for (const key of [[], ["--operator-key-file", "./other.key"]]) {
      expect((await set(unixNow(), ...key)).json.error).toMatchObject({ code: "unauthorized" });
    }
    expect((await set(unixNow(), ...operator)).json).toMatchObject({ ok: true });
  });

  test("goes behind what a shard has refused forever only with the risk typed out [clock-set-risk]", async () => {
    const { stack } = world;
    // Every shard says of a payment that it has expired.
    const expired = unixNow() - 1;
    for (let i = 0; i < 20; i++) {
      const { account } = await newPayer();
      await fetch(`${stack.facilitator}/settlements/logos:lez-testnet/${account}/${randomId()}?validBefore=${expired}`);
    }
    const before = await shards();
    expect(before).toHaveLength(2);
    const final = Math.max(...before.map((shard) => shard.final));

    const refused = await set(final - 3600, ...operator);
    expect([refused.exit === 0, refused.json.error.code]).toEqual([false, "payment_expired"]);
    expect(refused.json.error.hint).toContain(CLOCK_RISK);
    expect((await set(final - 3600, "--risk", "yes", ...operator)).json.error.code).toBe("invalid_payload");
    for (const [i, shard] of (await shards()).entries()) expect(shard.final).toBe(before[i]?.final);

    expect((await set(final - 3600, "--risk", CLOCK_RISK, ...operator)).json).toMatchObject({ ok: true });
    for (const shard of await shards()) expect(shard).toMatchObject({ now: final - 3600, final: final - 3600 });
    await set(unixNow(), ...operator);
  });

  test("is not set into the future", async () => {
    expect((await set(unixNow() + 3600, ...operator)).json.error.code).toBe("invalid_payload");
  });
});

describe("ledger fund", () => {
  const fund = (account: string, amount: string, ...args: string[]) => ledger("fund", account, amount, ...args);
  const audit = async () => (await ledger("audit")).json.data;

  test("pays with the operator's key alone, once for each id, as far as its cap, and the supply stays exact [ledger-fund]", async () => {
    const { account } = await newPayer();
    for (const key of [[], ["--operator-key-file", "./other.key"]]) {
      expect((await fund(account, "5", ...key)).exit).not.toBe(0);
    }
    expect((await fund(account, "5", "--operator-key-file", "./other.key")).json.error).toMatchObject({ code: "unauthorized" });
    expect(await (await fetch(`${world.stack.facilitator}/accounts/${account}`)).json()).toMatchObject({ balance: "0" });

    const id = randomId();
    const paid = await fund(account, MAX_FUNDING.toString(), "--id", id, ...operator);
    expect(paid.json.data).toMatchObject({
      account,
      paid: { amount: MAX_FUNDING.toString() },
      balance: { amount: MAX_FUNDING.toString() },
      id,
    });
    const again = await fund(account, MAX_FUNDING.toString(), "--id", id, ...operator);
    expect(again.json.data).toEqual(paid.json.data);
    expect((await fund(account, "7", "--id", id, ...operator)).json.error).toMatchObject({ code: "nonce_replayed" });

    expect((await fund(account, (MAX_FUNDING + 1n).toString(), ...operator)).exit).toBe(EXIT.usage);
    const refused = await fund((await newPayer()).account, "3", ...operator);
    expect([refused.exit, refused.json.error.code, refused.json.next]).toEqual([EXIT.paymentRejected, "insufficient_funds", undefined]);
    expect(refused.json.error.hint).toContain("FUNDING_CAP");
    expect((await fund((await newPayer()).account, "2", ...operator)).exit).toBe(0);
    await expect.poll(audit).toMatchObject({ ok: true, conclusive: true, inFlight: "0", issued: FUNDING_CAP });
    expect(await audit()).toMatchObject({ balances: (await audit())["supply"] });
  });
});
