/** The sessions of one client with one merchant: which has room, what it signs next, and what answers change. */

import type { PaymentRequirements, SchemeClientHooks } from "@x402/core/types";
import { keepNewest } from "../../bounded.ts";
import type { Digest } from "../../crypto/digest.ts";
import { PaymentRefused } from "../../exact/client/scheme.ts";
import { BATCH_SETTLEMENT, NETWORK } from "../../lez.ts";
import { MAX_FOREIGN_HEADER_BYTES } from "../../limits.ts";
import type { SessionTerms } from "../../protocol/session-terms.ts";
import { type Session, sessionId, type SignedSession } from "../../protocol/session.ts";
import type { WalletSigner } from "../../protocol/signer.ts";
import { signVoucher, type Voucher, voucherSchema } from "../../protocol/voucher.ts";
import { checkShape, parseJson } from "../../text/json.ts";
import { decodeHeader, PAYMENT_RESPONSE } from "../../x402/headers.ts";
import { type SettleResponse, settleResponseSchema } from "../../x402/x402.ts";
import { corrected, newBook, nextVoucher, refused, served, sumsOf, turned, type VoucherRef } from "../client-book.ts";
import { PaymentEvents } from "../payment-events.ts";
import { correctionSchema, voucherReceiptExtraSchema } from "../state.ts";
import { type ClientSessionState, type ClientSessionStore, stateFrom, stored } from "./session-store.ts";

export interface ClientSessionsOptions {
  /** Signs the vouchers. */
  agentKey: WalletSigner;
  /** The account that pays. */
  account: string;
  /** The one merchant that is paid. */
  origin: string;
  payTo: string;
  /** Atomic units to set aside in one session. */
  deposit: string;
  /** The most that may hold a deposit at once. */
  open: number;
  store?: ClientSessionStore | undefined;
  /** Unix seconds. */
  clock: () => number;
}

/** Signs a session under these terms. @param now unix seconds */
export type OpenSessionOf = (terms: SessionTerms, now: number) => Promise<SignedSession>;

/** `confirmed`: until then each request carries the deposit. `over`: its deposit is away until its end. */
interface OpenSession extends ClientSessionState {
  session: Session;
  id: Digest;
  /** As it is presented. */
  signed: SignedSession;
  /** Settles when the store has all that was given to it. */
  saving: Promise<unknown>;
}

/** A request whose answer is charged while it flows. */
interface Flowing {
  open: OpenSession;
  ref: VoucherRef;
  /** The most that it can cost. */
  amount: bigint;
}

/** Streams whose receipts a client waits for. Of the oldest, all of the amount counts as charged until a correction. */
const MOST_FLOWING = 1000;

/** Sessions that one request tries to get into. */
const MOST_TURNS = 8;

/** After these the session is of no more use. */
const OVER = new Set(["session_unknown", "session_closed", "session_exhausted", "nonce_replayed", "payment_expired", "offer_mismatch"]);

export class ClientSessions {
  readonly #options: ClientSessionsOptions;
  #sessions: OpenSession[] = [];
  /** Streams whose receipt has not come, by their commitment. */
  readonly #flowing = new Map<string, Flowing>();
  /** Settles when no session is being signed. */
  #opening: Promise<unknown> = Promise.resolve();
  /** Settles when the store was read. */
  #loading: Promise<void> | undefined;

  constructor(options: ClientSessionsOptions) {
    this.#options = options;
  }

  /**
   * The payload that pays a request, in a session that has room for it.
   * @throws {PaymentRefused} when every session that may be open is used up, and whatever `open` throws
   */
  async pay(requirements: PaymentRequirements, terms: SessionTerms, open: OpenSessionOf): Promise<Record<string, unknown>> {
    const amount = BigInt(requirements.amount);
    await this.#load();
    let session = this.#usable(terms, amount);
    // Each turn opens a session or throws: others may have used up its room meanwhile.
    for (let turn = 0; !session && turn <= MOST_TURNS; turn++) {
      await this.#open(terms, amount, open);
      session = this.#usable(terms, amount);
    }
    // No await between the room that was seen and the book that is kept: two requests at once get two serials.
    const next = session && nextVoucher(session.book, amount, this.#options.clock());
    if (!session || !next) throw new PaymentRefused("session_exhausted");
    session.book = next.book;
    try {
      await this.#save(session);
    } catch (error) {
      // Nothing was sent.
      session.book = refused(session.book, { lane: next.voucher.lane, serial: Number(next.voucher.serial) });
      throw error;
    }
    const binding = requirements.extra["binding"] as Digest | undefined;
    const { lane, serial, maxClaimable } = next.voucher;
    const voucher = { session: session.id, lane, serial, maxClaimableAmount: String(maxClaimable), ...(binding && { binding }) } as Voucher;
    const signed = await signVoucher(voucher, this.#options.agentKey);
    return session.confirmed
      ? { type: "voucher", from: session.session.from, ...signed }
      : { type: "deposit", ...session.signed, ...signed };
  }

  /** Sessions of an earlier process: of these keys, with this merchant. */
  async #load(): Promise<void> {
    const { store } = this.#options;
    if (!store) return;
    this.#loading ??= store.load().then((all) => {
      for (const each of all) {
        const state = stateFrom(each);
        if (this.#isOwn(state.session))
          this.#sessions.push({ ...state, id: sessionId(state.session), signed: each.signed, saving: Promise.resolve() });
      }
    });
    try {
      await this.#loading;
    } catch (error) {
      this.#loading = undefined;
      throw error;
    }
  }

  #isOwn({ from, to, signer: key, origin }: Session): boolean {
    const { account, agentKey, payTo, origin: own } = this.#options;
    return from === account && to === payTo && key === agentKey.publicKey && origin === own;
  }

  /** In order, and each time what is known then. */
  #save(open: OpenSession): Promise<void> {
    const { store } = this.#options;
    if (!store) return Promise.resolve();
    const saved = open.saving.then(() => store.save(stored(open.signed, open)));
    open.saving = saved.catch(() => undefined);
    return saved;
  }

  /** A session under these terms with room for the request, with some time before its end. */
  #usable(terms: SessionTerms, amount: bigint): OpenSession | undefined {
    const now = this.#options.clock();
    return this.#sessions.find(
      ({ session, over, confirmed, book }) =>
        !over &&
        now < Number(session.expiresAt) &&
        (confirmed || now < Number(session.validBefore)) &&
        session.receiver === terms.receiver &&
        session.ledger === terms.ledger &&
        sumsOf(book).left >= amount,
    );
  }

  /** One session at a time, so that requests at once share it, and no more are opened than may be. */
  #open(terms: SessionTerms, amount: bigint, open: OpenSessionOf): Promise<void> {
    const turn = this.#opening.then(async () => {
      if (this.#usable(terms, amount)) return;
      const { open: most, deposit, store, clock } = this.#options;
      const now = clock();
      // A deposit is away until the last second in which the merchant can claim.
      const isAway = ({ session }: OpenSession) => Number(session.expiresAt) + Number(session.withdrawDelay) >= now;
      const back = this.#sessions.filter((open) => !isAway(open));
      this.#sessions = this.#sessions.filter(isAway);
      for (const { id } of back) await store?.delete(id);
      if (this.#sessions.length >= most) throw new PaymentRefused("session_exhausted", "every session that may be open is used up");
      if (amount > BigInt(deposit)) throw new PaymentRefused("session_exhausted", "the deposit does not cover one request");
      const signed = await open(terms, now);
      const { channelConfig: session } = signed;
      const book = newBook(BigInt(session.deposit));
      this.#sessions.push({ session, id: sessionId(session), signed, confirmed: false, over: false, book, saving: Promise.resolve() });
    });
    this.#opening = turn.catch(() => undefined);
    return turn;
  }

  /** Books what the merchant said. After a corrective 402 whose proof holds, the official client tries once more. */
  async answered(context: HookContext): Promise<void | { recovered: true }> {
    const sent = checkShape(context.paymentPayload.payload["voucher"], voucherSchema);
    const open = sent.ok ? this.#sessions.find(({ id }) => id === sent.value.session) : undefined;
    if (!sent.ok || !open) return undefined;
    const recovered = await this.#book(open, { lane: sent.value.lane, serial: Number(sent.value.serial) }, context);
    // Without it the store counts the request as under way, which may have cost all of its amount.
    await this.#save(open).catch(() => undefined);
    return recovered;
  }

  async #book(
    open: OpenSession,
    ref: VoucherRef,
    { settleResponse, paymentRequired, requirements }: HookContext,
  ): Promise<void | { recovered: true }> {
    if (settleResponse?.success) {
      const said = checkShape(settleResponse.extra, voucherReceiptExtraSchema);
      open.confirmed = true;
      if (said.ok && said.value["metered"] === true) {
        // What it costs is said at its end; until then it can cost all of its amount.
        keepNewest(this.#flowing, said.value.commitmentId, { open, ref, amount: BigInt(requirements.amount) }, MOST_FLOWING);
        open.book = turned(open.book, said.value.lane, this.#options.clock());
        return undefined;
      }
      // A merchant that does not say what it charged may have charged all of it.
      open.book = served(open.book, ref, BigInt(said.ok ? said.value.chargedAmount : requirements.amount));
      if (said.ok) open.book = turned(open.book, said.value.lane, this.#options.clock());
      return undefined;
    }
    const code = settleResponse?.errorReason ?? paymentRequired?.error;
    if (code === undefined) return undefined; // no answer: it may have been served
    open.book = refused(open.book, ref);
    if (OVER.has(code)) open.over = true;
    if (code !== "voucher_out_of_step") return undefined;
    return (await this.#corrected(open, paymentRequired?.accepts)) ? { recovered: true } : undefined;
  }

  /**
   * Reads an answer of a metered route, which is charged while it flows: the goods without the events about their payment.
   * Any other answer comes back as it is. A stream that is not read to its end may have cost all of its amount, until a correction says otherwise.
   * @returns `receipt`: once the stream has ended, what it cost; undefined if it broke off before that, or says what cannot be true
   */
  metered(response: Response): { response: Response; receipt: Promise<SettleResponse | undefined> } {
    const begun = decodeHeader(response.headers.get(PAYMENT_RESPONSE) ?? "", settleResponseSchema);
    const said = begun.ok ? checkShape(begun.value.extra, voucherReceiptExtraSchema) : undefined;
    const flowing = said?.ok ? this.#flowing.get(said.value.commitmentId) : undefined;
    if (!response.body || !flowing || !said?.ok) return { response, receipt: Promise.resolve(begun.ok ? begun.value : undefined) };
    const { commitmentId } = said.value;
    const read = withoutPaymentEvents(response.body);
    const receipt = read.ended.then((text) => {
      const last = text === undefined ? undefined : parseJson(text, MAX_FOREIGN_HEADER_BYTES, settleResponseSchema);
      const extra = last?.ok && last.value.success ? checkShape(last.value.extra, voucherReceiptExtraSchema) : undefined;
      if (!last?.ok || !extra?.ok || extra.value.commitmentId !== commitmentId) return undefined;
      const charged = BigInt(extra.value.chargedAmount);
      if (charged > flowing.amount) return undefined;
      this.#flowing.delete(commitmentId);
      flowing.open.book = served(flowing.open.book, flowing.ref, charged);
      void this.#save(flowing.open).catch(() => undefined);
      return last.value;
    });
    const { status, statusText, headers } = response;
    return { response: new Response(read.content, { status, statusText, headers }), receipt };
  }

  async #corrected(open: OpenSession, accepts: readonly PaymentRequirements[] = []): Promise<boolean> {
    const offer = accepts.find(
      ({ scheme, network, payTo }) => scheme === BATCH_SETTLEMENT && network === NETWORK && payTo === open.session.to,
    );
    const correction = checkShape(offer?.extra, correctionSchema);
    if (!correction.ok) return false;
    const session = { id: open.id, signer: this.#options.agentKey.publicKey };
    const checked = await corrected(open.book, correction.value, session, this.#options.clock());
    if (!checked.ok) return false;
    open.book = checked.book;
    open.confirmed = true;
    return true;
  }
}

/** `ended`: the data of the receipt at the stream's end; undefined without one. */
function withoutPaymentEvents(body: ReadableStream<Uint8Array>) {
  const events = new PaymentEvents();
  const ended = Promise.withResolvers<string | undefined>();
  const reader = body.getReader();
  const content = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        for (;;) {
          const { done, value } = await reader.read();
          const chunk = done ? events.end() : events.take(value);
          if (chunk.length > 0) controller.enqueue(chunk);
          if (done) {
            ended.resolve(events.receipt);
            return controller.close();
          }
          if (chunk.length > 0) return undefined;
        }
      } catch (error) {
        ended.resolve(undefined);
        return controller.error(error);
      }
    },
    cancel(reason) {
      ended.resolve(undefined);
      return reader.cancel(reason);
    },
  });
  return { content, ended: ended.promise };
}

type HookContext = Parameters<NonNullable<SchemeClientHooks["onPaymentResponse"]>>[0];
