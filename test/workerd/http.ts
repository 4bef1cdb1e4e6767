/** The facilitator's HTTP API, as a client without our code calls it. */

import { createExecutionContext } from "cloudflare:test";
import type { FacilitatorEnv } from "../../workers/facilitator/env.ts";
import FacilitatorWorker from "../../workers/facilitator/index.ts";
import type { SignedPayment } from "../signed.ts";
import { facilitator } from "./ledger.ts";

const ORIGIN = "https://facilitator.example.com";

export type Answer = { status: number; body: Record<string, unknown>; headers: Headers };

/** @param bindings other than the Worker's own */
export async function send(path: string, init?: RequestInit, bindings?: FacilitatorEnv): Promise<Answer> {
  const { text, ...answer } = await sendText(path, init, bindings);
  return { ...answer, body: JSON.parse(text) as Answer["body"] };
}

/** An answer that need not be JSON. */
export async function sendText(path: string, init?: RequestInit, bindings?: object) {
  const request = new Request(ORIGIN + path, init);
  const response = bindings
    ? await new FacilitatorWorker(createExecutionContext(), bindings as FacilitatorEnv).fetch(request)
    : await facilitator.fetch(request);
  return { status: response.status, text: await response.text(), headers: response.headers };
}

export const get = (path: string) => send(path);
export const post = (path: string, body: unknown, bindings?: FacilitatorEnv) =>
  send(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) }, bindings);
/** What /verify and /settle take. */
export const envelopeOf = ({ payload, requirements }: Pick<SignedPayment, "payload" | "requirements">) => ({
  x402Version: 2,
  paymentPayload: payload,
  paymentRequirements: requirements,
});
