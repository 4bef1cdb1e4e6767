/** `inbox --watch --unlock`: the owner decides each request as it comes, with a key that stays open for a while. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { isNativeRequest, shortCode } from "../../shared/protocol/payment-request.ts";
import { duration } from "../../shared/screen/duration.ts";
import type { FoundKey } from "../keys/key-file.ts";
import { findLezOwner, openLezOwner } from "../keys/lez-owner.ts";
import { findOwner, openOwner } from "../keys/owner-key.ts";
import { UnlockedKey } from "../keys/unlocked-key.ts";
import type { PassphraseInput } from "../prompts/passphrase.ts";
import type { PurchaseView } from "../purchase/purchase.ts";
import { type Subject, subjectOf } from "../purchase/request-subject.ts";
import { takeBackFromDesk } from "../purchase/take-back.ts";
import { type Context, warn } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { wrap } from "../runtime/layout.ts";
import { fail, type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { approveNative, type NativeInput } from "./approve-native.ts";
import { type Approval, approvalText, approveOne } from "./approve-one.ts";

export interface WatchInput extends PassphraseInput {
  ownerFile?: string | undefined;
}

/** Asks for the passphrase, once. @param seconds how long the key may stay open */
export async function openWatch(context: Context, input: WatchInput, seconds: number): Promise<Outcome<UnlockedWatch>> {
  if (!context.interactive) {
    return fail("interaction_required", "--unlock asks about each request, and there is no terminal to ask on.", {
      hint: "Run this in a terminal, or approve by digest: lez-agent-pay approve CODE --confirm DIGEST",
    });
  }
  const owner = findOwner(context, input.ownerFile);
  if (!owner.ok) return owner;
  const signer = await openOwner(context, owner.data, input);
  if (!signer.ok) return signer;
  const watch = new UnlockedWatch(context, owner.data, (onLock) => new UnlockedKey(signer.data, seconds, context.io.signal, onLock));
  const said = `The key is open for ${duration(seconds)}, in the memory of this process. Ctrl-C, suspending and sleep wipe it.`;
  context.say(...wrap(said, context.layout.width));
  return succeed(watch);
}

export class UnlockedWatch {
  readonly #context: Context;
  readonly #owner: FoundKey;
  readonly #key: UnlockedKey;
  /** Why the key was wiped, until it is said: not in the middle of a question. */
  #locked: string | undefined;

  constructor(context: Context, owner: FoundKey, unlocked: (onLock: (why: string) => void) => UnlockedKey) {
    this.#context = context;
    this.#owner = owner;
    this.#key = unlocked((why) => (this.#locked = why));
  }

  /** Asks about the open ones, oldest first, as long as the key is open. Returns what ends the watch. */
  async round(requests: readonly PurchaseView[]): Promise<Failure | undefined> {
    for (const { state, requestDigest } of requests.toReversed()) {
      if (state !== "pending" || !this.#key.signer) continue;
      const decided = await this.#ask(requestDigest);
      if (!decided.ok && decided.exit === EXIT.interrupted) return decided;
      if (!decided.ok) warn(this.#context, [decided.error.message, decided.error.hint].filter(Boolean).join(" "));
    }
    if (this.#key.signer || this.#locked === undefined) return undefined;
    warn(this.#context, `The key is locked again. ${this.#locked} New requests are only listed.`);
    this.#locked = undefined;
    return undefined;
  }

  /** Wipes the key. */
  close(): void {
    this.#key.lock("The watch is over.");
  }

  async #ask(request: string): Promise<Outcome<undefined>> {
    const subject = await subjectOf(this.#context, { request });
    if (!subject.ok) return subject;
    const input = { request, force: false, offline: false, checkTerms: false, dryRun: false, allowHttp: false };
    if (isNativeRequest(subject.data.request)) return this.#say(await this.#askOnChain(input, subject.data));
    const open = async () => {
      const { signer } = this.#key;
      return signer ? succeed(signer) : openOwner(this.#context, this.#owner, {}); // wiped while the owner read
    };
    return this.#say(await approveOne(this.#context, input, subject.data, this.#owner, open));
  }

  /** The open key signs for the mock ledger alone: the chain's asks for its passphrase, after the yes. */
  async #askOnChain(input: Omit<NativeInput, "request">, subject: Subject): Promise<Outcome<Approval>> {
    const key = findLezOwner(this.#context, undefined);
    if (key.ok) return approveNative(this.#context, input, subject, key.data, () => openLezOwner(this.#context, key.data, {}));
    const { network } = subject.request.payment;
    const hint = `Name the key: lez-agent-pay approve ${shortCode(subject.digest)} --owner-file FILE`;
    return fail("key_not_found", `${shortCode(subject.digest)} is paid on ${network}. ${key.error.message}`, { hint });
  }

  async #say(approved: Outcome<Approval>): Promise<Outcome<undefined>> {
    if (!approved.ok) return approved;
    await takeBackFromDesk(this.#context, approved.data.requestDigest as Digest);
    this.#context.say(...approvalText(approved.data, this.#context.layout), "");
    return succeed(undefined);
  }
}
