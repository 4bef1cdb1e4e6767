/** Signed offers and receipts, checked with the official SDK's verifiers, against the key that the merchant publishes at its own origin. */

import { decodePaymentRequiredHeader } from "@x402/core/http";
import {
  decodeSignedOffers,
  extractOffersFromPaymentRequired,
  extractReceiptFromResponse,
  extractReceiptPayload,
  findAcceptsObjectFromSignedOffer,
  verifyOfferSignatureJWS,
  verifyReceiptMatchesOffer,
  verifyReceiptSignatureJWS,
} from "@x402/extensions/offer-receipt";
import { describe, expect, test } from "vitest";
import { type Stack, startStack } from "../../agent-cli/demo/stack.ts";
import { REASON, sandbox } from "../../agent-cli/testing/cli.ts";
import { people } from "../../agent-cli/testing/people.ts";
import { served } from "../../agent-cli/testing/served.ts";
import { BUNDLES } from "../../scripts/build-workers.ts";
import { OFFER_WINDOW_SECONDS } from "../../shared/limits.ts";
import { unixNow } from "../../shared/time.ts";
import { PAYMENT_REQUIRED } from "../../shared/x402/headers.ts";
import { receiptOf, useStack, verdict } from "./stack.ts";

const RECEIPT_KEY = "5a".repeat(32);

describe("a merchant with a key", () => {
  const world = useStack({ vars: { "lez-merchant": { RECEIPT_KEY } } });
  const premium = () => ({ url: `${world.stack.merchant}/premium` });
  const wellKnown = async (name: string) =>
    (await fetch(`${world.stack.merchant}/.well-known/${name}`)).json() as Promise<Record<string, unknown>>;
  const publicKey = async () => {
    const { verificationMethod } = (await wellKnown("did.json")) as {
      verificationMethod: { publicKeyJwk: { kty: string; crv: string; x: string } }[];
    };
    return verificationMethod[0]?.publicKeyJwk ?? { kty: "", crv: "", x: "" };
  };
  const terms = async () => decodePaymentRequiredHeader((await fetch(premium().url)).headers.get(PAYMENT_REQUIRED) ?? "");

  test("publishes it as did:web of its own host, and as JWKS", async () => {
    const did = `did:web:${encodeURIComponent(new URL(world.stack.merchant).host)}`;
    const document = await wellKnown("did.json");
    const { keys } = (await wellKnown("jwks.json")) as { keys: Record<string, string>[] };
    expect(document).toMatchObject({ id: did, verificationMethod: [{ controller: did, publicKeyJwk: { kty: "OKP", crv: "Ed25519" } }] });
    expect(keys).toMatchObject([
      { kty: "OKP", crv: "Ed25519", x: (await publicKey()).x, kid: (document["assertionMethod"] as string[])[0] },
    ]);
    expect(JSON.stringify([document, keys])).not.toContain('"d"');
  });

  test("signs its offer: the official verifier accepts it, and it names the offer in accepts", async () => {
    const required = await terms();
    const [offer] = extractOffersFromPaymentRequired(required);
    if (offer?.format !== "jws") throw new Error("no signed offer");
    const payload = await verifyOfferSignatureJWS(offer, await publicKey());
    expect(payload).toMatchObject({ version: 1, resourceUrl: premium().url, amount: "10000", payTo: world.stack.payTo });
    expect(payload.validUntil).toBeGreaterThan(unixNow() + OFFER_WINDOW_SECONDS / 2);
    const [decoded] = decodeSignedOffers([offer]);
    expect(decoded && findAcceptsObjectFromSignedOffer(decoded, required.accepts)).toEqual(required.accepts[0]);
    await expect(verifyOfferSignatureJWS(offer, { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) })).rejects.toThrow();
  });

  test("signs it once per window, not per request", async () => {
    expect(await terms()).toEqual(await terms());
  });

  test("signs a receipt for what it delivered; the official verifier accepts it for this offer and this payer [signed-receipt]", async () => {
    const buyer = await world.buyer();
    const [decoded] = decodeSignedOffers(extractOffersFromPaymentRequired(await terms()));
    const paid = await buyer.send(premium(), await buyer.approved(premium()));
    const receipt = extractReceiptFromResponse(paid);
    if (receipt?.format !== "jws" || !decoded) throw new Error("no signed receipt");
    expect(await verifyReceiptSignatureJWS(receipt, await publicKey())).toMatchObject({
      payer: buyer.people.owner.account,
      resourceUrl: premium().url,
    });
    expect(verifyReceiptMatchesOffer(receipt, decoded, [buyer.people.owner.account])).toBe(true);
    expect(extractReceiptPayload(receipt).transaction).toBe(receiptOf(paid)?.transaction);
  });

  test("signs no receipt for what it did not deliver", async () => {
    const buyer = await world.buyer();
    const flaky = { url: `${world.stack.merchant}/flaky` };
    const failed = await buyer.send(flaky, await buyer.approved(flaky));
    expect(failed.status).toBe(500);
    expect(extractReceiptFromResponse(failed)).toBeUndefined();
  });

  test("does not ask for a signed offer to be echoed", async () => {
    const buyer = await world.buyer();
    const payment = { ...(await buyer.approved(premium())), extensions: { "offer-receipt": { info: { offers: [] } } } };
    expect(verdict(await buyer.send(premium(), payment))).toBe("200");
  });
});

describe("a merchant that changes its key", () => {
  const box = sandbox();
  const meet = async (stack: Stack) => {
    const made = await box.run([
      "request",
      "create",
      `${stack.merchant}/premium`,
      "--reason",
      REASON,
      "--agent-file",
      "./agent.json",
      "--inbox",
    ]);
    return made.exit === 0 ? (made.json.data["merchant"] as Record<string, unknown>) : made.json.error;
  };
  const start = async (vars: Record<string, string>, merchantPort = 0) => {
    const stack = await startStack({ bundles: BUNDLES, merchantPort, vars: { "lez-merchant": vars } });
    served(stack.merchant);
    return stack;
  };

  test("and publishes the old one beside it is the same merchant to our client", async () => {
    await people(box);
    const before = await start({ RECEIPT_KEY });
    const known = await meet(before);
    await before.stop();
    expect(known).toMatchObject({ pinned: "new", signed: true, publicKey: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const port = Number(new URL(before.merchant).port);
    const NEW_KEY = "5b".repeat(32);

    const overlapping = await start({ RECEIPT_KEY: NEW_KEY, RETIRED_RECEIPT_KEYS: (known as { publicKey: string }).publicKey }, port);
    const rotated = await meet(overlapping);
    const document = (await (await fetch(`${overlapping.merchant}/.well-known/did.json`)).json()) as Record<string, unknown[]>;
    const { keys } = (await (await fetch(`${overlapping.merchant}/.well-known/jwks.json`)).json()) as { keys: unknown[] };
    await overlapping.stop();
    expect(rotated).toMatchObject({ pinned: "key_rotated", signed: true });
    expect([document["verificationMethod"]?.length, document["assertionMethod"]?.length, keys.length]).toEqual([2, 1, 2]);
  });
});

describe("a merchant without a key", () => {
  const world = useStack();
  test("advertises nothing and publishes nothing", async () => {
    const terms = await (await fetch(`${world.stack.merchant}/premium`)).text();
    expect(terms).not.toContain("offer-receipt");
    expect((await fetch(`${world.stack.merchant}/.well-known/did.json`)).status).toBe(404);
    expect((await fetch(`${world.stack.merchant}/.well-known/jwks.json`)).status).toBe(404);
  });
});
