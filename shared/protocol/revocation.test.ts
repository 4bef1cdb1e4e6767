import { describe, expect, test } from "vitest";
import { testFields } from "../../test/fields.ts";
import { agent, LEDGER, MANDATE, merchant, NOW, owner } from "../../test/fixtures.ts";
import { ACCOUNT, BAD_ACCOUNTS, BAD_UNIX_SECONDS, badHex } from "../../test/spellings.ts";
import type { Digest } from "../crypto/digest.ts";
import { NETWORK } from "../lez.ts";
import { type Mandate, mandateDigest, signMandate } from "./mandate.ts";
import { isGenuineRevocation, type Revocation, revocationSchema, signRevocation } from "./revocation.ts";

const mandate = MANDATE;
const signedMandate = await signMandate(mandate, owner);

const revocation: Revocation = {
  version: "1",
  network: NETWORK,
  ledger: LEDGER,
  from: owner.account,
  mandate: mandateDigest(mandate),
  revokedAt: String(NOW + 60),
};

testFields({
  name: "a Revocation",
  schema: revocationSchema,
  valid: revocation,
  fields: [
    { path: "version", bad: ["", "0", "2"] },
    { path: "network", bad: ["n".repeat(65)] },
    { path: "ledger", bad: badHex(32) },
    { path: "from", bad: BAD_ACCOUNTS, good: [ACCOUNT] },
    { path: "mandate", bad: [...badHex(32), "**", "any"], good: ["*"] },
    { path: "revokedAt", bad: BAD_UNIX_SECONDS },
  ],
  strict: [""],
});

describe("a signed revocation is genuine", () => {
  const all: Revocation = { ...revocation, mandate: "*" };

  test("if the owner signed it, for one mandate or for all", async () => {
    expect(await isGenuineRevocation(await signRevocation(revocation, owner))).toBe(true);
    expect(await isGenuineRevocation(await signRevocation(all, owner))).toBe(true);
  });

  test("if the agent of the one mandate signed it and shows that mandate", async () => {
    expect(await isGenuineRevocation(await signRevocation(revocation, agent, signedMandate))).toBe(true);
  });

  test("and in no other way", async () => {
    const made = (changes: Partial<Mandate>) => ({ ...mandate, ...changes });
    const other = await signMandate(made({ salt: "5b".repeat(32) as Digest }), owner);
    const invented = made({ agent: merchant.publicKey });
    const foreign = await signMandate(made({ from: merchant.account }), merchant);
    const refused = {
      "a stranger": await signRevocation(revocation, merchant),
      "the agent without the mandate": await signRevocation(revocation, agent),
      "the agent, of all": await signRevocation(all, agent, signedMandate),
      "the agent, with another mandate of its own": await signRevocation(revocation, agent, other),
      "a stranger, with the agent's mandate": await signRevocation(revocation, merchant, signedMandate),
      "a stranger, with a mandate that the owner never granted": await signRevocation(
        { ...revocation, mandate: mandateDigest(invented) },
        merchant,
        await signMandate(invented, merchant),
      ),
      "the agent, with a mandate of another account": await signRevocation(
        { ...revocation, mandate: mandateDigest(foreign.mandate) },
        agent,
        foreign,
      ),
      "the owner, about another time": { ...(await signRevocation(revocation, owner)), revocation: { ...revocation, revokedAt: "1" } },
    };
    for (const [who, signed] of Object.entries(refused)) expect(await isGenuineRevocation(signed), who).toBe(false);
  });
});
