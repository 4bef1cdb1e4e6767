/** All requests to a facilitator for one report, with its responses. /settle is requested with --active only. */

import * as z from "zod";
import { utf8 } from "../../shared/crypto/bytes.ts";
import { ASSET, NETWORK, SCHEME, X402_VERSION } from "../../shared/lez.ts";
import { MAX_FACILITATOR_BODY_BYTES } from "../../shared/limits.ts";
import { parseJson } from "../../shared/text/json.ts";
import type { HttpRequest } from "../runtime/exchange.ts";
import { NEEDS_ACTIVE } from "./check.ts";
import { newDecoyPayer, unsignedPayload } from "./decoys.ts";
import type { Probe, Reply } from "./probe.ts";
import { isMembers, type Members } from "./terms-read.ts";

export const CALLS = ["verify", "settle"] as const;
export type Call = (typeof CALLS)[number];

export interface CallReplies {
  /** Reply to a body that is not JSON. */
  garbage: Reply;
  /** Reply to `{}`. */
  empty: Reply;
  /** Reply to a payment that lacks only the signature. */
  unsigned: Reply;
  /** Reply to a body far larger than any payment. */
  large: Reply;
}

export interface FacilitatorVisit {
  supported: Reply;
  /** The body of /supported, if it is a JSON object. */
  support?: Members;
  /** Why it is not one. */
  problem?: string;
  /** The entries of `kinds` that are objects. */
  kinds: Members[];
  /** The kind that the decoys are for. */
  asked: Members;
  verify: CallReplies;
  settle: CallReplies;
}

const LARGE_BYTES = 8 * MAX_FACILITATOR_BODY_BYTES;

/** @param request the facilitator's URL, and headers for every call, such as a merchant's key */
export async function visitFacilitator({ url, headers }: HttpRequest, probe: Probe, active: boolean): Promise<FacilitatorVisit> {
  const base = url.replace(/\/+$/, "");
  const supported = await probe.send({ method: "GET", url: `${base}/supported`, headers });
  const read = supported.kind === "answer" ? parseJson(supported.body, MAX_FACILITATOR_BODY_BYTES, z.unknown()) : undefined;
  const support = read?.ok && isMembers(read.value) ? read.value : undefined;
  const list = support?.["kinds"];
  const kinds = Array.isArray(list) ? list.filter(isMembers) : [];
  const ofVersion = kinds.filter(({ x402Version }) => x402Version === X402_VERSION);
  const asked = ofVersion.find(({ network }) => network === NETWORK) ?? ofVersion[0] ?? { scheme: SCHEME, network: NETWORK };
  const requirements = await requirementsOf(asked);
  const envelope = {
    x402Version: X402_VERSION,
    paymentPayload: unsignedPayload(requirements, await newDecoyPayer()),
    paymentRequirements: requirements,
  };
  const post = (call: Call, body: string) =>
    probe.send({ method: "POST", url: `${base}/${call}`, headers: [["content-type", "application/json"], ...headers], body: utf8(body) });
  const replies = async (call: Call): Promise<CallReplies> => ({
    unsigned: await post(call, JSON.stringify(envelope)),
    garbage: await post(call, "not JSON"),
    empty: await post(call, "{}"),
    large: await post(call, JSON.stringify({ ...envelope, padding: "x".repeat(LARGE_BYTES) })),
  });
  const none: Reply = { kind: "unsent", why: NEEDS_ACTIVE };
  return {
    supported,
    ...(support && { support }),
    ...(!support && read && { problem: read.ok ? "not a JSON object" : read.problem }),
    kinds,
    asked,
    verify: await replies("verify"),
    settle: active ? await replies("settle") : { garbage: none, empty: none, unsigned: none, large: none },
  };
}

/** An offer under that kind. Its payee was made for this run. */
async function requirementsOf({ scheme, network, extra }: Members): Promise<Members> {
  const { account } = await newDecoyPayer();
  const ours = network === NETWORK;
  const ledger = ours && isMembers(extra) && extra["ledger"] !== undefined ? { ledger: extra["ledger"] } : {};
  return { scheme, network, amount: "1", asset: ours ? ASSET : "none", payTo: account, maxTimeoutSeconds: 60, extra: ledger };
}
