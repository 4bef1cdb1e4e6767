/** Fills a sandbox's inbox with requests that differ in their id alone. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { type PaymentRequest, requestDigest } from "../../shared/protocol/payment-request.ts";
import type { Sandbox } from "./cli.ts";

export function fillInbox(box: Sandbox, like: PaymentRequest, count: number): Digest[] {
  return Array.from({ length: count }, (_, i) => {
    const request = { ...like, id: `pr_${String(i).padStart(16, "0")}` };
    const digest = requestDigest(request);
    box.write(`home/inbox/${digest}.request.json`, request);
    return digest;
  });
}
