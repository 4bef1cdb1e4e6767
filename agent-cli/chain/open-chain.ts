/** A network of the chain itself, at its sequencer: asked only once it has shown to be v0.3 and the chain that is pinned here. */

import * as z from "zod";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { NativeNetwork } from "../../shared/lez.ts";
import { MAX_SEQUENCER_ANSWER_BYTES, SEQUENCER_TIMEOUT_SECONDS } from "../../shared/limits.ts";
import type { Sequencer } from "../../shared/sequencer/client.ts";
import { BackendUnavailable } from "../../shared/settlement/outcomes.ts";
import type { ChainReader } from "../../shared/zone/account-read.ts";
import type { LezAccountId } from "../../shared/zone/account.ts";
import type { FeeQuote } from "../../shared/zone/dialect.ts";
import type { AccountRead } from "../../shared/zone/lane-row.ts";
import { interrupted } from "../prompts/prompts.ts";
import { chainPin, pinChain } from "../records/chain-pins.ts";
import { isSequencerUrl, SEQUENCER_ADDRESS } from "../runtime/config.ts";
import type { Context } from "../runtime/context.ts";
import { exchange } from "../runtime/exchange.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { fail, type Failure, type Outcome, refuse, succeed } from "../runtime/outcome.ts";

export const sequencerFields = {
  sequencer: z
    .string()
    .refine(isSequencerUrl, SEQUENCER_ADDRESS)
    .optional()
    .meta({ value: "url", local: true, description: "the chain's sequencer; else the configured one" }),
};

export interface SequencerInput {
  sequencer?: string | undefined;
}

export interface Head {
  id: bigint;
  hash: Digest;
  /** Unix seconds, by the producer's clock. */
  at: number;
}

export interface OpenChain {
  network: NativeNetwork;
  /** The hash of block 1. */
  genesis: Digest;
  head: Head;
  fees: FeeQuote;
  sequencer: Sequencer;
  reader: ChainReader;
}

/** Opens a network. The first use pins its chain, and another one is refused from then on. @param pins false to look without using it */
export async function openChain(
  context: Context,
  network: NativeNetwork,
  input: SequencerInput = {},
  { pins = true } = {},
): Promise<Outcome<OpenChain>> {
  const url = sequencerUrl(context, network, input);
  if (!url.ok) return url;
  const pin = chainPin(context, network);
  if (!pin.ok) return pin;
  // The curve is loaded on first use.
  const [{ sequencerAt }, { askNetwork, fingerprintOf }, { chainReader }, { V03 }] = await Promise.all([
    import("../../shared/sequencer/client.ts"),
    import("../../shared/sequencer/fingerprint.ts"),
    import("../../shared/sequencer/chain-reader.ts"),
    import("../../shared/zone/v03.ts"),
  ]);
  const sequencer = sequencerAt(url.data, V03, sender(context));
  return atSequencer(context, `sequencer at ${url.data}`, async () => {
    const unknown = "0".repeat(64) as Digest;
    const answers = await askNetwork(sequencer, { ledger: pin.data?.genesis ?? unknown });
    const first = answers.genesis && V03.decodeBlock(answers.genesis);
    if (!first?.ok) return notTheChain(url.data, network, `block 1: ${first ? first.problem : "it is not there"}`);
    const { hash } = first.block;
    if (pin.data && pin.data.genesis !== hash) return anotherChain(network, pin.data, hash);
    const fingerprint = fingerprintOf(answers, { ledger: hash }, V03);
    if (!fingerprint.ok) return notTheChain(url.data, network, fingerprint.problem);
    const pinned = pins ? await pinChain(context, network, hash) : succeed({ genesis: hash, firstUsedAt: "" });
    if (!pinned.ok) return pinned;
    if (pinned.data.genesis !== hash) return anotherChain(network, pinned.data, hash);
    const { id, hash: headHash, timestamp } = fingerprint.head;
    return succeed({
      network,
      genesis: hash,
      head: { id, hash: headHash, at: Number(timestamp / 1000n) },
      fees: answers.feeState,
      sequencer,
      reader: chainReader(sequencer, V03),
    });
  });
}

/** Nonce and balance of an account in one read. */
export async function readAccountAt(
  context: Context,
  { reader, network }: OpenChain,
  account: LezAccountId,
): Promise<Outcome<AccountRead>> {
  const { readAccount } = await import("../../shared/zone/account-read.ts");
  return atSequencer(context, `sequencer of ${network}`, async () => {
    const read = await readAccount(reader, account);
    return read
      ? succeed(read)
      : fail("busy", `The head of ${network} moved each time that the account was read.`, { hint: "Try again.", retryable: true });
  });
}

/** Runs calls of a sequencer. A fault of it is a failure of the command, never an exception. */
export async function atSequencer<Data>(context: Context, name: string, calls: () => Promise<Outcome<Data>>): Promise<Outcome<Data>> {
  try {
    return await calls();
  } catch (error) {
    if (!(error instanceof BackendUnavailable)) throw error;
    if (context.io.signal.aborted) return interrupted();
    return fail("network", `The ${name} gave no usable answer: ${error.message}.`, {
      hint: "Check the address of the sequencer in the configuration, or name another one: --sequencer.",
    });
  }
}

export function sequencerUrl(context: Context, network: NativeNetwork, { sequencer }: SequencerInput): Outcome<string> {
  if (sequencer !== undefined) return succeed(sequencer);
  const config = context.config();
  if (!config.ok) return config;
  const configured = config.data.sequencers[network];
  if (configured !== undefined) return succeed(configured);
  return fail("not_set_up", `No sequencer of ${network} is configured.`, {
    hint: `Name it in "${config.data.file}": "sequencers": { "${network}": "https://…" }, or for one command: --sequencer`,
  });
}

/** The client's way out: our own exchange, with its limits on where an agent's command may reach. */
function sender(context: Context): typeof fetch {
  return async (address, init) => {
    const url = address instanceof Request ? address.url : address.toString();
    const body = typeof init?.body === "string" ? Buffer.from(init.body) : Buffer.alloc(0);
    const request = { method: "POST", url, headers: [["content-type", "application/json"]] as const, body };
    const answer = await exchange(context, request, {
      timeoutSeconds: SEQUENCER_TIMEOUT_SECONDS,
      maxBodyBytes: MAX_SEQUENCER_ANSWER_BYTES,
    });
    if (!answer.ok) throw new Error(answer.problem);
    if (!answer.complete) throw new Error(answer.problem);
    return new Response(Buffer.from(answer.body), { status: answer.status });
  };
}

function notTheChain(url: string, network: NativeNetwork, problem: string): Failure {
  return fail("unsupported", `${url} is no sequencer of ${network} in the release v0.3: ${problem}.`, {
    hint: "Nothing was signed. Check the address, and whether the network runs a newer release.",
  });
}

function anotherChain(network: NativeNetwork, pinned: { genesis: Digest; firstUsedAt: string }, genesis: Digest): Failure {
  return refuse(
    "ledger_mismatch",
    EXIT.differs,
    `${network} is another chain than the one this machine has used since ${pinned.firstUsedAt}: block 1 is ${genesis}, and was ${pinned.genesis}.`,
    {
      hint:
        "Nothing was signed. If the network was reset, old signatures are good again on the new chain: make a new key with " +
        `lez-agent-pay owner create --kind lez --out FILE, and then: lez-agent-pay pins forget ${network}`,
      details: { network, pinned: pinned.genesis, genesis },
    },
  );
}
