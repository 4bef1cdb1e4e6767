import { expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { type OwnedType, type Proof, verifyProof } from "../../shared/protocol/proof.ts";
import vectors from "../../spec/vectors/proofs.json" with { type: "json" };

test("the Workers runtime judges every published proof as Node does [proof-workerd]", async () => {
  for (const { name, type, digest, account, localhost, proof, good, problem } of vectors.proofs) {
    const claimed = { type: type as OwnedType, digest: digest as Digest, account: account as AccountId };
    const expected = good ? { ok: true } : { ok: false, ...(problem !== undefined && { problem }) };
    expect(await verifyProof(proof as unknown as Proof, claimed, { localhost }), name).toEqual(expected);
  }
});
