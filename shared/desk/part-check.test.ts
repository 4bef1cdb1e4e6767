/** What a desk says that other keys of a policy have signed: it counts only as the request, the policy and each proof have it. */

import { describe, expect, test } from "vitest";
import { NOW, owner, paymentRequest, sessionRequest, stranger } from "../../test/fixtures.ts";
import { policyOf, TestPasskey } from "../../test/passkey.ts";
import { MAX_APPROVAL_AGE_SECONDS } from "../limits.ts";
import { accountOfPolicy } from "../protocol/policy.ts";
import type { MemberProof } from "../protocol/proof.ts";
import { checkForApproval, type ToSign, toSign } from "../protocol/what-is-signed.ts";
import type { PartObject } from "./hosted-api.ts";
import { checkPart, partClaim } from "./part-check.ts";

const phone = new TestPasskey("desk.example", "7a".repeat(32));
const policy = policyOf(2, phone, owner);
const account = accountOfPolicy(policy);

/** A request that was checked, and what a key of the policy signs of it. */
async function subject(request: Awaited<ReturnType<typeof paymentRequest>>) {
  const checked = await checkForApproval(request, NOW);
  if (!checked.ok) throw new Error(checked.problem);
  return { request, checked, made: toSign(request, checked, account, NOW) };
}
const payment = await subject(await paymentRequest());
const session = await subject(await sessionRequest());
const objectOf = ({ session: opened, authorization }: ToSign): PartObject => (opened ? { session: opened } : { authorization });
const byPhone = (object: PartObject): MemberProof => phone.assert(partClaim(object).digest);
const judge = (object: PartObject, proofs: MemberProof[] = [byPhone(object)], of = payment, now = NOW) =>
  checkPart(of, { object, proofs }, policy, now, {});

test.each([
  ["a payment", payment],
  ["a session", session],
])("a part of %s is what the next key signs too, and names each key once [part-counts]", async (_, of) => {
  const object = objectOf(of.made);
  const proof = byPhone(object);
  expect(await judge(object, [proof, proof], of)).toEqual({ ok: true, part: { made: of.made, signedBy: [phone.account] } });
  expect(await judge(object, [], of)).toEqual({ ok: true, part: { made: of.made, signedBy: [] } });
});

test("a part that a key has shortened keeps its length", async () => {
  const { authorization } = toSign(payment.request, payment.checked, account, NOW, 60);
  expect(await judge({ authorization })).toMatchObject({ ok: true, part: { made: { authorization } } });
});

test("a part that can be completed no more is none: the next key signs anew", async () => {
  const object = objectOf(payment.made);
  const at = (now: number) => judge(object, [byPhone(object)], payment, now);
  expect(await at(NOW + MAX_APPROVAL_AGE_SECONDS)).toMatchObject({ part: { signedBy: [phone.account] } });
  expect(await at(NOW + MAX_APPROVAL_AGE_SECONDS + 1)).toEqual({ ok: true });
});

describe("what does not hold is refused and named [part-differs]", () => {
  const { authorization } = payment.made;
  const { session: opened } = session.made;
  if (!opened) throw new Error("no session");
  test.each<[string, PartObject, typeof payment, string]>([
    ["another amount", { authorization: { ...authorization, value: "2" as typeof authorization.value } }, payment, "authorization.value"],
    ["another payee", { authorization: { ...authorization, to: stranger.account } }, payment, "authorization.to"],
    ["another payer", { authorization: { ...authorization, from: owner.account } }, payment, "authorization.from"],
    ["a longer life", { authorization: { ...authorization, validBefore: String(NOW + 901) } }, payment, "authorization.validBefore"],
    ["another deposit", { session: { ...opened, deposit: "9" as typeof opened.deposit } }, session, "deposit"],
    ["a longer session", { session: { ...opened, expiresAt: String(Number(opened.expiresAt) + 60) } }, session, "expiresAt"],
    ["a shorter session", { session: { ...opened, expiresAt: String(Number(opened.expiresAt) - 60) } }, session, "ends at another time"],
    ["a session for a payment", { session: opened }, payment, "the request is not valid"],
    ["a payment for a session", { authorization }, session, "the request is not valid"],
  ])("%s", async (_, object, of, named) => {
    expect(await judge(object, [byPhone(object)], of)).toMatchObject({
      ok: false,
      code: "request_differs",
      problem: expect.stringContaining(named),
    });
  });

  test("and so is a proof of no key of the policy, and one over other bytes", async () => {
    const object = { authorization };
    const { digest } = partClaim(object);
    const strange = { kind: "ed25519" as const, publicKey: stranger.publicKey, signature: await stranger.sign(digest) };
    const flipped = { kind: "ed25519" as const, publicKey: owner.publicKey, signature: "00".repeat(64) };
    for (const proof of [strange, flipped, byPhone(objectOf(session.made))])
      expect(await judge(object, [byPhone(object), proof])).toMatchObject({ ok: false, code: "invalid_signature" });
  });
});
