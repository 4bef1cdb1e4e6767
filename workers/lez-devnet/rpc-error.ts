/** The errors of a LEZ v0.3 sequencer, in its words: clients decide by them. */

import type { ExactJson } from "../../shared/text/json.ts";
import { MAX_RPC_ANSWER_BYTES } from "./limits.ts";

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: ExactJson;
}

const INVALID_PARAMS = -32_602;

export const PARSE_ERROR: RpcError = { code: -32_700, message: "Parse error" };
export const INVALID_REQUEST: RpcError = { code: -32_600, message: "Invalid request" };
export const METHOD_NOT_FOUND: RpcError = { code: -32_601, message: "Method not found" };
export const INTERNAL_ERROR: RpcError = { code: -32_603, message: "Internal error" };
export const INCORRECT_FEE: RpcError = { code: INVALID_PARAMS, message: "Incorrect fee" };
export const INVALID_SIGNATURE: RpcError = { code: INVALID_PARAMS, message: "Invalid signature(-s)" };
export const MEMPOOL_IS_FULL: RpcError = { code: -31_900, message: "Mempool is full" };
export const SEQUENCER_ONLY: RpcError = {
  code: INVALID_PARAMS,
  message: "Program is sequencer-only and cannot be invoked by a user transaction",
};

export const ANSWER_TOO_BIG: RpcError = {
  code: -32_008,
  message: "Response is too big",
  data: `Exceeded max limit of ${MAX_RPC_ANSWER_BYTES}`,
};
export const BATCH_ANSWER_TOO_BIG: RpcError = {
  code: -32_011,
  message: "The batch response was too large",
  data: `Exceeded max limit of ${MAX_RPC_ANSWER_BYTES}`,
};

export function invalidParams(data: string): RpcError {
  return { code: INVALID_PARAMS, message: "Invalid params", data };
}

export function tooLarge(size: number, max: number): RpcError {
  return { code: INVALID_PARAMS, message: `Transaction too large: size ${size}, max ${max}` };
}

export function invalidRange(problem: string): RpcError {
  return { code: INVALID_PARAMS, message: `Invalid block range: ${problem}` };
}
