import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { type ProofVector, proofVectors } from "../../scripts/proof-vectors.ts";
import { owner } from "../../test/fixtures.ts";
import { accountOfTestPolicy, policyOf, policyProof, TestPasskey } from "../../test/passkey.ts";
import { digest } from "../crypto/digest.ts";
import { MAX_CLIENT_DATA_BYTES, MAX_POLICY_KEYS } from "../limits.ts";
import { checkShape } from "../text/json.ts";
import type { AccountId } from "./account.ts";
import { accountOfPolicy, policySchema } from "./policy.ts";
import { accountOf, accountProofSchema, isKeyOfPolicy, type Proof, prove, verifyProof, withProof } from "./proof.ts";

const SIGNED = digest("Nonce", { of: "this test" });
const passkey = new TestPasskey("desk.example", "0a".repeat(32));
const second = new TestPasskey("desk.example", "0b".repeat(32));
const assertion = passkey.assert(SIGNED);
const policy = policyOf(1, passkey, owner);
const wrapped = policyProof(policy, assertion);
const signedSchema = withProof({ object: z.literal("o") });
const read = (members: object) => checkShape({ object: "o", ...members }, signedSchema);

describe("one proof", () => {
  test("is a key with its signature, or a proof, and never both or half of one [one-proof]", async () => {
    const key = await prove(SIGNED, owner);
    expect(read(key)).toMatchObject({ ok: true });
    expect(read({ proof: assertion })).toMatchObject({ ok: true });
    expect(read({ proof: wrapped })).toMatchObject({ ok: true });
    const refused = [
      {},
      { ...key, proof: assertion },
      { publicKey: key.publicKey, proof: assertion },
      { signature: key.signature, proof: assertion },
      { publicKey: key.publicKey },
      { signature: key.signature },
      { proof: null },
      { proof: { kind: "ed25519", ...key } },
      { ...key, extra: "1" },
    ];
    for (const members of refused) expect(read(members), JSON.stringify(members)).toMatchObject({ ok: false, code: "invalid_payload" });
  });

  test.each<[string, object]>([
    ["a kind that there is not", { ...assertion, kind: "passkey" }],
    ["a member too much", { ...assertion, userHandle: "" }],
    ["a member of another kind", { ...assertion, policy }],
    ["no signature", { ...assertion, signature: undefined }],
    ["a signature in capitals", { ...assertion, signature: assertion.signature.toUpperCase() }],
    ["a signature in DER", { ...assertion, signature: `3044${assertion.signature}` }],
    ["an uncompressed point", { ...assertion, publicKey: `04${assertion.publicKey.slice(2).repeat(2)}` }],
    ["padding", { ...assertion, authenticatorData: `${assertion.authenticatorData}==` }],
    ["the standard alphabet", { ...assertion, authenticatorData: `++++${assertion.authenticatorData.slice(4)}` }],
    ["bits that belong to no byte", { ...assertion, authenticatorData: `${assertion.authenticatorData.slice(0, -1)}B` }],
    ["a large clientDataJSON", { ...assertion, clientDataJSON: "A".repeat(Math.ceil(((MAX_CLIENT_DATA_BYTES + 1) * 4) / 3)) }],
    ["a policy in a policy", { ...wrapped, proofs: [wrapped] }],
    ["no proofs", { ...wrapped, proofs: [] }],
    ["more proofs than keys can be", { ...wrapped, proofs: Array.from({ length: MAX_POLICY_KEYS + 1 }, () => assertion) }],
    ["a key of a policy without its kind", { ...wrapped, proofs: [{ publicKey: owner.publicKey, signature: assertion.signature }] }],
  ])("is refused as malformed: %s", (_, proof) => expect(read({ proof })).toMatchObject({ ok: false, code: "invalid_payload" }));
});

describe("a policy", () => {
  test.each<[string, object]>([
    ["unsorted", { ...policy, keys: policy.keys.toReversed() }],
    ["a key twice", { ...policy, keys: [owner.account, owner.account] }],
    ["no keys", { ...policy, keys: [] }],
    ["six keys", { ...policy, keys: ["1", "2", "3", "4", "5", "6"].map((digit) => digit.repeat(32)) }],
    ["a threshold of none", { ...policy, threshold: "0" }],
    ["a threshold above its keys", { ...policy, threshold: "3" }],
    ["a threshold that is a number", { ...policy, threshold: 1 }],
    ["a threshold with a zero before it", { ...policy, threshold: "01" }],
    ["another version", { ...policy, version: "2" }],
    ["a member too much", { ...policy, name: "ours" }],
  ])("is refused: %s [policy-refused]", (_, changed) =>
    expect(checkShape(changed, policySchema)).toMatchObject({ ok: false, code: "invalid_payload" }),
  );

  test("has the account that a second implementation computes", () => expect(accountOfPolicy(policy)).toBe(accountOfTestPolicy(policy)));

  test("says which keys are its own", () => {
    expect(isKeyOfPolicy(owner.publicKey, { proof: wrapped })).toBe(true);
    expect(isKeyOfPolicy("07".repeat(32), { proof: wrapped })).toBe(false);
    expect(isKeyOfPolicy(owner.publicKey, { proof: assertion })).toBe(false);
  });

  test("is no member of another: its proof is none of a member's", async () => {
    const outer = { version: "1", threshold: "1", keys: [accountOfPolicy(policy)] } as const;
    const verdict = await verifyProof(
      { proof: { kind: "policy", policy: { ...outer, keys: [...outer.keys] }, proofs: [assertion] } },
      { type: "Authorization", digest: SIGNED, account: accountOfPolicy({ ...outer, keys: [...outer.keys] }) },
    );
    expect(verdict).toEqual({ ok: false, problem: "proof.proofs.0: is of no key of the policy" });
  });
});

describe("every rule of a proof", async () => {
  const { proofs } = await proofVectors();
  const published = JSON.parse(readFileSync(new URL("../../spec/vectors/proofs.json", import.meta.url), "utf8")) as {
    proofs: ProofVector[];
  };

  // The vectors say for each proof which rule it breaks; a second implementation reads them in test/vectors.test.ts.
  test.each(published.proofs.filter(({ good }) => !good))(
    "$name: $problem",
    async ({ type, digest, account, proof, localhost, problem }) => {
      const verdict = await verifyProof(proof, { type, digest, account: account as AccountId }, { localhost });
      expect(verdict).toEqual({ ok: false, ...(problem !== undefined && { problem }) });
      const rule = published.proofs.find((vector) => vector.proof === proof)?.name.split(":")[0] ?? "";
      if (/^(clientDataJSON|authenticatorData|signature)$/.test(rule)) expect(problem).toMatch(/proof/);
    },
  );

  test("is broken by some vector, and kept by others", () => {
    expect(proofs.filter(({ good }) => good).length).toBeGreaterThan(8);
    expect(proofs.filter(({ good }) => !good).length).toBeGreaterThan(50);
  });
});

describe("fuzzed", () => {
  /** Another value somewhere in the proof: of another type, with a character more, less or else, or not there. */
  const changed = fc.tuple(fc.nat(), fc.constantFrom<unknown>("", "A", null, 0, [], {}, undefined), fc.nat());

  test.each<[string, Proof, AccountId]>([
    ["a passkey", { proof: assertion }, passkey.account],
    ["a policy", { proof: policyProof(policyOf(2, passkey, second), ...inOrder()) }, accountOfPolicy(policyOf(2, passkey, second))],
  ])("%s with one change is malformed or proves nothing, and throws nothing", async (_, proof, account) => {
    const claimed = { type: "Authorization", digest: SIGNED, account } as const;
    expect(await verifyProof(proof, claimed)).toEqual({ ok: true });
    await fc.assert(
      fc.asyncProperty(changed, async ([at, value, character]) => {
        const other = structuredClone(proof) as unknown as Record<string, unknown>;
        const spots = leaves(other);
        const [parent, key] = spots[at % spots.length] ?? [other, "proof"];
        const before = parent[key];
        const text = String(before);
        const place = character % Math.max(1, text.length);
        parent[key] = value === "A" ? text.slice(0, place) + (text[place] === "A" ? "B" : "A") + text.slice(place + 1) : value;
        const shape = checkShape({ object: "o", ...other }, signedSchema);
        if (!shape.ok) return shape.code === "invalid_payload";
        expect(accountOf(shape.value)).toMatch(/^[1-9A-Za-z]{32,44}$/);
        return !(await verifyProof(shape.value, claimed)).ok;
      }),
      { numRuns: 150 },
    );
  });

  test("any value is read or refused as a proof, without an exception", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => typeof checkShape(value, accountProofSchema).ok === "boolean"));
  });
});

function inOrder() {
  const members = [passkey, second].toSorted((a, b) => (a.account < b.account ? -1 : 1));
  return members.map((member) => member.assert(SIGNED));
}

/** Every member that is no object, and where it is. */
function leaves(value: Record<string, unknown>): [Record<string, unknown>, string][] {
  return Object.entries(value).flatMap(([key, member]) =>
    typeof member === "object" && member !== null
      ? [[value, key] as [typeof value, string], ...leaves(member as typeof value)]
      : [[value, key] as [typeof value, string]],
  );
}
