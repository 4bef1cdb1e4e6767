/** Which account an agent is paired with, as it is kept: read again with its proof, and refused in a form of a later version. */

import { mkdirSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Pairing, pairingDigest } from "../../shared/protocol/desk.ts";
import { TestPasskey } from "../../test/passkey.ts";
import type { Context } from "../runtime/context.ts";
import { sandbox } from "../testing/cli.ts";
import { findPairing, keepPairing } from "./pairings.ts";

const box = sandbox();
const context = { io: { env: box.env } } as unknown as Context;
const agent = "8a".repeat(32);
const file = box.path(`home/pairings/${agent}.json`);
const owner = new TestPasskey("desk.example", "7a".repeat(32));
const pairing: Pairing = { desk: "https://desk.example", account: owner.account, agent, secret: "0f".repeat(16) };
const signed = { pairing, proof: owner.assert(pairingDigest(pairing)) };
const pairedAt = "2026-01-31T00:00:00Z";

/** The file as version 1 of its format has it. */
const kept = { format: "lez-agent-pay/pairing/1", signed, pairedAt };
const write = (content: object) => {
  mkdirSync(box.path("home/pairings"), { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
};

test("is written and read with its proof [pairing-kept]", async () => {
  expect(await findPairing(context, agent)).toEqual({ ok: true, data: undefined });
  expect(keepPairing(context, signed, pairedAt).ok).toBe(true);
  const found = { desk: pairing.desk, account: owner.account, kind: "passkey", agent, pairedAt };
  expect(await findPairing(context, agent)).toEqual({ ok: true, data: found });
  write(kept);
  expect(await findPairing(context, agent)).toEqual({ ok: true, data: found });
});

test.each<[string, object, RegExp]>([
  ["a later version", { ...kept, format: "lez-agent-pay/pairing/2" }, /newer lez-agent-pay/],
  [
    "another account than signed it",
    { ...kept, signed: { ...signed, pairing: { ...pairing, account: new TestPasskey("desk.example", "7b".repeat(32)).account } } },
    /not signed/,
  ],
  [
    "another desk than was signed",
    { ...kept, signed: { ...signed, pairing: { ...pairing, desk: "https://other.example" } } },
    /not signed/,
  ],
  ["a passkey of localhost for a desk of the internet", forged(), /not signed/],
])("of %s is refused", async (_, content, says) => {
  write(content);
  const found = await findPairing(context, agent);
  expect(found.ok ? "" : found.error.message).toMatch(says);
});

function forged(): object {
  const local = new TestPasskey("localhost", "7c".repeat(32), "http://localhost:8790");
  const of = { ...pairing, account: local.account };
  return { ...kept, signed: { pairing: of, proof: local.assert(pairingDigest(of)) } };
}
