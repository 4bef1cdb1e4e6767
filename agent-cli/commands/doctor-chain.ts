/** What `doctor` checks of the chain itself: each configured sequencer, this machine's clock beside its blocks, and nonces that are given out. */

import { NATIVE_NETWORKS, type NativeNetwork } from "../../shared/lez.ts";
import { CLOCK_SKEW_SECONDS } from "../../shared/limits.ts";
import { shortCode } from "../../shared/protocol/payment-request.ts";
import { duration } from "../../shared/screen/duration.ts";
import { unixNow } from "../../shared/time.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import { openChain, type OpenChain, readAccountAt } from "../chain/open-chain.ts";
import { chainPin } from "../records/chain-pins.ts";
import { type GivenNonce, nonceBook } from "../records/lez-nonces.ts";
import { CLOCK_HINT } from "../runtime/clocks.ts";
import type { Context } from "../runtime/context.ts";
import { MAX_NONCES_OF_DOCTOR, OLD_HEAD_SECONDS } from "../runtime/limits.ts";
import type { Outcome } from "../runtime/outcome.ts";
import type { Check } from "./doctor-check.ts";

type Chains = ReadonlyMap<NativeNetwork, Outcome<OpenChain>>;

/** Only where a sequencer is configured, or a nonce was given out. Pins nothing. */
export async function checkChains(context: Context): Promise<Check[]> {
  const config = context.config();
  if (!config.ok) return [];
  const chains = new Map<NativeNetwork, Outcome<OpenChain>>();
  const checks: Check[] = [];
  for (const network of NATIVE_NETWORKS) {
    const url = config.data.sequencers[network];
    if (url === undefined) continue;
    const chain = await openChain(context, network, {}, { pins: false });
    chains.set(network, chain);
    checks.push(checkChain(context, network, url, chain));
  }
  const clock = [...chains.values()].flatMap((chain) => (chain.ok ? checkClock(chain.data) : []));
  return [...checks, ...clock, ...(await checkNonces(context, chains))];
}

function checkChain(context: Context, network: NativeNetwork, url: string, chain: Outcome<OpenChain>): Check {
  if (!chain.ok) {
    const { message, hint } = chain.error;
    return { check: "chain", verdict: "bad", detail: `${network} at ${url}: ${message}`, ...(hint && { fix: hint }) };
  }
  const { genesis, head } = chain.data;
  const pin = chainPin(context, network);
  const known = pin.ok && pin.data ? `as since ${pin.data.firstUsedAt}` : "not used here yet";
  const age = Math.max(0, unixNow() - head.at);
  const isOld = age > OLD_HEAD_SECONDS;
  const stands = isOld ? "; the chain stands still, or this sequencer does" : "";
  return {
    check: "chain",
    verdict: isOld ? "note" : "good",
    detail: `${network} at ${url}: v0.3, block 1 is ${genesis} (${known}); block ${head.id} is ${duration(age)} old${stands}`,
  };
}

/** A block is never from the future. Blocks that are old say nothing of this machine's clock. */
function checkClock({ network, head }: OpenChain): Check[] {
  const ahead = head.at - unixNow();
  if (ahead <= CLOCK_SKEW_SECONDS) return [];
  const detail = `the newest block of ${network} is ${duration(ahead)} ahead of this machine's clock`;
  return [{ check: "clock", verdict: "bad", detail, fix: CLOCK_HINT }];
}

/** Each nonce that was given to a payment, and that the chain has not used. */
async function checkNonces(context: Context, chains: Chains): Promise<Check[]> {
  const book = nonceBook(context);
  if (!book.ok) return [{ check: "nonces", verdict: "bad", detail: book.error.message, ...(book.error.hint && { fix: book.error.hint }) }];
  const given = book.data.given.filter(({ usedAt }) => usedAt === undefined).slice(0, MAX_NONCES_OF_DOCTOR);
  const next = new Map<LezAccountId, bigint | undefined>();
  const checks: Check[] = [];
  for (const one of given) {
    const chain = [...chains.values()].find((chain) => chain.ok && chain.data.genesis === one.genesis);
    if (!next.has(one.account)) next.set(one.account, chain?.ok ? await nextNonce(context, chain.data, one.account) : undefined);
    const known = next.get(one.account);
    if (known === undefined || BigInt(one.nonce) >= known) checks.push(openNonce(one, known !== undefined));
  }
  return checks;
}

async function nextNonce(context: Context, chain: OpenChain, account: LezAccountId): Promise<bigint | undefined> {
  const read = await readAccountAt(context, chain, account);
  return read.ok ? read.data.nonce : undefined;
}

function openNonce({ nonce, account, requestDigest, at, validBefore }: GivenNonce, isRead: boolean): Check {
  const is = isRead ? "not used" : "perhaps used: its chain was not read";
  const left = Number(validBefore) - unixNow();
  const until = left > 0 ? `its request can be paid for ${duration(left)} more` : "its request is over, and the transfer can still be sent";
  return {
    check: "nonces",
    verdict: "note",
    detail: `nonce ${nonce} of ${account} was given to ${shortCode(requestDigest)} on ${at} and is ${is}; ${until}`,
  };
}
