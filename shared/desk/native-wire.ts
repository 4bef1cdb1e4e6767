/**
 * What a page needs to show a request on the chain itself: its text, and what only its server knows. The page computes the rest from the text. No desk
 * signs such a request, so the page shows the command that does.
 */

import { MAX_FILE_BYTES } from "../limits.ts";
import { checkNativeRequest } from "../protocol/native-request.ts";
import { paymentRequestSchema } from "../protocol/payment-request.ts";
import type { NativeRequestView } from "../screen/native-request.ts";
import { parseJson } from "../text/json.ts";

export interface NativeWire extends Pick<NativeRequestView, "now" | "host" | "sent" | "pin"> {
  /** The JSON text of the request. */
  request: string;
  /** Atomic units. */
  threshold: string;
}

export function nativeWire({ request, now, host, sent, pin, threshold }: Omit<NativeRequestView, "checked">): NativeWire {
  return { request: JSON.stringify(request), now, host, sent, ...(pin && { pin }), threshold: threshold.toString() };
}

export type NativeRead = { ok: true; view: NativeRequestView } | { ok: false; problem: string };

/** Parses and checks the request. */
export async function readNativeWire({ request: text, threshold, ...known }: NativeWire): Promise<NativeRead> {
  const parsed = parseJson(text, MAX_FILE_BYTES, paymentRequestSchema);
  if (!parsed.ok) return { ok: false, problem: `The request cannot be read: ${parsed.problem}.` };
  const checked = await checkNativeRequest(parsed.value, known.now);
  if (!checked.ok) return { ok: false, problem: `The request is not valid: ${checked.problem}.` };
  return { ok: true, view: { ...known, request: parsed.value, checked, threshold: BigInt(threshold) } };
}
