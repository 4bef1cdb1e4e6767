/** Refusals of the seller's own routes. The error table speaks to a buyer about a payment; these words speak to a seller. */

import { type ErrorCode, errorBody, ERRORS } from "../../../shared/errors.ts";

const WORDS: { readonly [Code in ErrorCode]?: { message: string; hint: string } } = {
  invalid_payload: { message: "The request is malformed.", hint: "Correct what detail says." },
  unauthorized: { message: "This is for the seller.", hint: "Ask with lez-agent-pay: it proves who asks." },
  payment_in_progress: { message: "This sale is being served right now.", hint: "Ask again in a minute." },
};

export function refuseSeller(code: ErrorCode, detail?: string): Response {
  const { error, problem } = errorBody(code, detail);
  const headers = { "Cache-Control": "no-store" };
  return Response.json({ error, problem: { ...problem, ...WORDS[code] } }, { status: ERRORS[code].status, headers });
}
