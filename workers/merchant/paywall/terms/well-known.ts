/** Publishes the merchant's key. Mount it at the root of a merchant that signs offers and receipts. */

import type { Context } from "hono";
import { Hono } from "hono/tiny";
import type { PaywallEnv } from "../types.ts";
import { publicUrl } from "./bound-request.ts";
import { merchantSigner } from "./signer.ts";

/** `/.well-known/did.json` and `/.well-known/jwks.json`; 404 if no key is configured. */
export function merchantIdentity(): Hono<PaywallEnv> {
  const signerOf = async (c: Context<PaywallEnv>) =>
    c.env.RECEIPT_KEY ? merchantSigner(c.env.RECEIPT_KEY, publicUrl(c).origin, c.env.RETIRED_RECEIPT_KEYS?.match(/\S+/g) ?? []) : undefined;
  return new Hono<PaywallEnv>()
    .get("/.well-known/did.json", async (c) => {
      const signer = await signerOf(c);
      return signer ? c.json(signer.didDocument) : c.notFound();
    })
    .get("/.well-known/jwks.json", async (c) => {
      const signer = await signerOf(c);
      return signer ? c.json(signer.jwks) : c.notFound();
    });
}
