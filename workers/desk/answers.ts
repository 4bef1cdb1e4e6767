/** Answers of the desk as JSON, with the headers of its page. */

import { type DeskRefusal, refused, statusOf } from "../../shared/desk/codes.ts";
import { DESK_HEADERS } from "../../shared/screen/page-headers.ts";
import { readLimited } from "../../shared/x402/body.ts";
import type { Told } from "./desk-context.ts";

const HEADERS = { ...DESK_HEADERS, "Content-Type": "application/json; charset=utf-8" };

/** @param more headers of a good answer */
export function toldResponse(told: Told<unknown>, more: Record<string, string> = {}): Response {
  if (!told.ok) return refusalResponse(told);
  const { data, notes } = told;
  return new Response(JSON.stringify({ ok: true, data, ...(notes && { notes }) }), { headers: { ...HEADERS, ...more } });
}

/** The body of a call. */
export async function readCall(request: Request, maxBytes: number): Promise<{ ok: true; body: Uint8Array<ArrayBuffer> } | DeskRefusal> {
  const body = await readLimited(request, maxBytes);
  return body
    ? { ok: true, body }
    : refused("payload_too_large", `A call has at most ${maxBytes} bytes, and this one has more or was cut short.`);
}

/** @param status in place of the code's own */
export function refusalResponse({ error, retryAfter }: DeskRefusal, status: number = statusOf(error.code)): Response {
  const headers = { ...HEADERS, ...(retryAfter !== undefined && { "Retry-After": String(retryAfter) }) };
  return new Response(JSON.stringify({ ok: false, error }), { status, headers });
}
