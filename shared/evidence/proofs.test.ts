/** Evidence of payments whose payer has a passkey or a policy. */

import { describe, expect, test } from "vitest";
import { keysFor, Shop } from "../../test/evidence.ts";
import { change } from "../../test/fields.ts";
import { MANDATE } from "../../test/fixtures.ts";
import { policyOf, TestPasskey } from "../../test/passkey.ts";
import type { Digest } from "../crypto/digest.ts";
import { policySigner } from "../protocol/policy-signer.ts";
import { type ProofSigner, prove } from "../protocol/proof.ts";
import type { Evidence } from "./evidence.ts";
import { serializeEvidence } from "./serialize.ts";
import { verifyEvidence } from "./verify.ts";

const phone = new TestPasskey("desk.example", "0a".repeat(32));
const laptop = new TestPasskey("desk.example", "0b".repeat(32));
const both = policySigner(policyOf(2, phone, laptop), [phone, laptop]);

describe.each<[string, ProofSigner]>([
  ["a passkey", phone],
  ["a policy", both],
])("a payment of %s", async (_, payer) => {
  const paid = await new Shop(payer).buy();
  const granted = await new Shop(payer).buy({}, 0, { ...MANDATE, from: payer.account });
  const keys = { ...(await keysFor(paid)), owners: [payer.account] };
  const failed = async (evidence: Evidence) => {
    const report = await verifyEvidence(serializeEvidence(evidence), keys);
    return report.points.filter(({ verdict }) => verdict === "fail").map(({ id }) => id);
  };

  test("is verified offline, with its proof [evidence-proof]", async () => {
    expect(await verifyEvidence(serializeEvidence(paid), keys)).toMatchObject({ verdict: "verified", evidence: paid });
    expect(await verifyEvidence(serializeEvidence(granted), keys)).toMatchObject({ verdict: "verified", evidence: granted });
  });

  test.each<[string, (evidence: Evidence) => Evidence, string]>([
    ["the proof of another digest", (e) => ({ ...e, payment: { ...e.payment, proof: other } }), "payment.signature"],
    ["another account's proof", (e) => ({ ...e, payment: { ...e.payment, proof: stranger } }), "payment.account"],
    ["another amount", (e) => change(e, "payment.authorization.value", "1"), "payment.signature"],
  ])("is not, with %s", async (_, forge, id) => {
    expect(await failed(forge(paid))).toContain(id);
  });

  const other = (await prove("11".repeat(32) as Digest, payer)).proof as never;
  const stranger = new TestPasskey("desk.example", "0f".repeat(32)).assert("11".repeat(32) as Digest) as never;

  test("is not, with another account's proof of the mandate", async () => {
    const { mandate } = granted.payment;
    const forged = { ...granted, payment: { ...granted.payment, mandate: { ...mandate, proof: stranger } } } as Evidence;
    expect(await failed(forged)).toContain("mandate.signature");
  });
});
