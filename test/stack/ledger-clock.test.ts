/** The operator sets the clock of a running ledger, with the command line, over real Workers. */

import { describe, expect, test } from "vitest";
import { sandbox } from "../../agent-cli/testing/cli.ts";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { CLOCK_RISK } from "../../shared/ledger/set-clock.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import { newPayer, randomId } from "../signed.ts";
import { useStack } from "./stack.ts";

const KEY = "the-operators-key";
const OPERATOR_KEY_SHA256 = bodyDigest(utf8(KEY));

describe("ledger clock", () => {
  const world = useStack({ shards: 2, vars: { "lez-facilitator": { OPERATOR_KEY_SHA256 }, "lez-ledger-do": { OPERATOR_KEY_SHA256 } } });
  const box = sandbox();
  const clock = async (...args: string[]) => {
    box.write("operator.key", KEY, 0o600);
    box.write("other.key", "a-guess", 0o600);
    return box.run(["ledger", "clock", "--facilitator-url", world.stack.facilitator, ...args]);
  };
  const set = (time: number, ...args: string[]) => clock("--set", formatTimestamp(time), ...args);
  const operator = ["--operator-key-file", "./operator.key"];
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
