/**
 * The owner at a hosted desk: builds what is signed in this page, has the passkey sign it, and sends it. What was signed and did not arrive
 * is kept while the page is open: a phone may be offline at the moment of the tap.
 */

import { canonicalJson, type Digest } from "../../../../shared/crypto/digest.ts";
import type { RequestItem } from "../../../../shared/desk/api.ts";
import type { HostedCalls, HostedDesk, KeptPasskey, KeyRecord, SettingName } from "../../../../shared/desk/hosted-api.ts";
import { NETWORK } from "../../../../shared/lez.ts";
import type { Decision } from "../../../../shared/protocol/decision.ts";
import type { Login } from "../../../../shared/protocol/desk.ts";
import type { Mandate } from "../../../../shared/protocol/mandate.ts";
import type { PasskeyProof } from "../../../../shared/protocol/passkey.ts";
import { shortCode } from "../../../../shared/protocol/payment-request.ts";
import type { Policy } from "../../../../shared/protocol/policy.ts";
import { type AccountProof, signersOf } from "../../../../shared/protocol/proof.ts";
import type { Revocation } from "../../../../shared/protocol/revocation.ts";
import { withPaymentProof } from "../../../../shared/protocol/what-is-signed.ts";
import { formatTimestamp, unixNow } from "../../../../shared/time.ts";
import { type Asks, isAway, type Problem, type Result } from "../client.ts";
import type { DeskReading, Owner, PageReading, SaidNo, Told } from "../owner.ts";
import { accountProof, commandAt, usablePasskeys } from "./account.ts";
import { deskSettingOf } from "./desk-setting.ts";
import type { SigningQueue } from "./signing.tsx";
import type { ToProve } from "./to-prove.ts";

export type HostedClient = Asks<HostedCalls>;

export const WHERE_THE_AGENT_RUNS = "on the machine where the agent runs";

/** What a page shows is signed within this time, or is read again. */
const READING_MILLIS = 300_000;
/** The largest difference between the clocks of desk and browser. */
const CLOCK_SECONDS = 300;
/** What another key of the policy signed is joined for so long; later the payment is made anew. */
const PARTIAL_SECONDS = 900;

export class HostedOwner implements Owner {
  readonly proof = "passkey";
  readonly grants = true;
  readonly terminal = WHERE_THE_AGENT_RUNS;
  readonly record: KeyRecord;
  readonly passkeys: readonly KeptPasskey[];
  readonly #client: HostedClient;
  readonly #desk: HostedDesk;
  readonly #queue: SigningQueue;
  /** What was signed, by what it decides, until the desk has it. */
  readonly #unsent = new Map<string, { what: ToProve; proof: PasskeyProof }>();

  constructor(client: HostedClient, desk: HostedDesk, record: KeyRecord, queue: SigningQueue) {
    this.#client = client;
    this.#desk = desk;
    this.#queue = queue;
    this.record = record;
    this.passkeys = usablePasskeys(record);
  }

  /** The nonce is the desk's; everything else is this page's. */
  async signIn(): Promise<Result<unknown>> {
    const { account } = this.record;
    const asked = await this.#client.call("loginNonce", { account });
    if (!asked.ok) return asked;
    const { nonce } = asked.data;
    if (!/^[0-9a-f]{64}$/.test(nonce)) return problem("desk", "The desk's answer is not a nonce. Nothing was signed.");
    const login: Login = { version: "1", origin: location.origin, account, nonce, issuedAt: String(unixNow()) };
    return this.prove(nonce, { type: "Login", object: login }, (login, proof) => this.#client.call("login", { login: { login, proof } }));
  }

  set(setting: SettingName, value: object): Promise<Result<HostedCalls["set"][1]>> {
    const object = deskSettingOf(this.record.account, setting, value);
    return this.prove(`${setting} ${object.value}`, { type: "DeskSetting", object }, (deskSetting, proof) =>
      this.#client.call("set", { setting: { deskSetting, proof } }),
    );
  }

  async read(request: string, expiresIn: number | undefined): Promise<Result<DeskReading>> {
    const answer = await this.#client.call("read", { request, ...(expiresIn !== undefined && { expiresIn }) });
    if (!answer.ok) return answer;
    const { view, partial } = answer.data;
    if (Math.abs(view.now - Date.now() / 1000) > CLOCK_SECONDS)
      return problem(
        "clock",
        "The clock of the desk and that of this device differ by minutes. Nothing can be signed.",
        "Correct the clock.",
      );
    if (view.from !== this.record.account) return problem("request_differs", "The desk asks for a payment of another account.");
    const part = partial?.session ?? partial?.authorization;
    const validAfter = Number(part?.validAfter);
    if (!partial || !part || !(view.now - validAfter <= PARTIAL_SECONDS)) return { ok: true, data: { view } };
    // The page makes the same object from the request, and compares it before it signs.
    const validFor = partial.session ? undefined : Number(part.validBefore) - validAfter;
    return { ok: true, data: { view: { ...view, now: validAfter, expiresIn: validFor }, partial } };
  }

  async approve(reading: PageReading): Promise<Result<Told>> {
    const { view, partial, readAt } = reading;
    if (Date.now() - readAt > READING_MILLIS)
      return problem("reading_expired", "The page was open for too long. Nothing was signed.", "Read the request again.");
    const { authorization, session, checked } = view;
    if (partial && canonicalJson(partial.session ?? partial.authorization) !== canonicalJson(session ?? authorization))
      return problem("request_differs", "What another key has signed is not what this request asks for. Nothing was signed.");
    const what: ToProve = session ? { type: "Session", object: session } : { type: "Authorization", object: authorization };
    const key = canonicalJson(what.object);
    const policy = this.#several(what.type);
    if (!policy) {
      return this.prove(key, what, async (_, proof) =>
        told(await this.#client.call("decide", { payment: withPaymentProof(view.request, checked, view, { proof }) })),
      );
    }
    return this.#member(key, what, async (_, proof) => {
      const object = session ? { session } : { authorization };
      const sent = await this.#client.call("partial", { request: checked.digest, ...object, proof, policy });
      if (!sent.ok || sent.data.whole) return told(sent);
      const { missing } = sent.data;
      const there =
        this.record.passkeys.length < policy.keys.length
          ? ` At a terminal: ${commandAt(this.record, `sign ${shortCode(checked.digest)}`)}`
          : "";
      return told(sent, `You have signed it. It counts once ${missing} more of the account's keys have signed it too.${there}`);
    });
  }

  decline({ requestDigest }: RequestItem, { code, note }: SaidNo): Promise<Result<Told>> {
    return this.#refuse({ requestDigest: requestDigest as Digest, decision: "declined", code, ...(note !== undefined && { note }) });
  }

  declineUnsigned(item: RequestItem, said: SaidNo): Promise<Result<Told>> {
    return declineUnsigned(this.#client, item, said);
  }

  takeBack({ requestDigest }: RequestItem, { code, note }: SaidNo): Promise<Result<Told>> {
    return this.#refuse({ requestDigest: requestDigest as Digest, decision: "revoked", code, ...(note !== undefined && { note }) });
  }

  #refuse(no: Pick<Decision, "requestDigest" | "decision" | "code" | "note">): Promise<Result<Told>> {
    const { ledger } = this.#desk;
    if (ledger === undefined) return Promise.resolve(NO_LEDGER);
    const { account } = this.record;
    const object: Decision = { ...no, decidedAt: formatTimestamp(unixNow()), version: "1", from: account, ledger: ledger as Digest };
    return this.prove(canonicalJson(no), { type: "Decision", object }, async (decision, proof) => {
      const sent = await this.#client.call("refuse", { record: { decision, signed: true, proof } });
      return told(sent, sent.ok ? sent.data.problem : undefined);
    });
  }

  async revoke({ mandate }: { mandate: string }): Promise<Result<Told>> {
    const { ledger } = this.#desk;
    if (ledger === undefined) return NO_LEDGER;
    const object: Revocation = {
      version: "1",
      network: NETWORK,
      ledger: ledger as Digest,
      from: this.record.account,
      mandate: mandate as Digest,
      revokedAt: String(unixNow()),
    };
    return this.prove(mandate, { type: "Revocation", object }, async (revocation, proof) => {
      const sent = await this.#client.call("revoke", { revocation: { revocation, proof } });
      return told(sent, sent.ok ? sent.data.problem : undefined);
    });
  }

  /** @returns how many more keys must sign it until it is granted */
  grant(mandate: Mandate): Promise<Result<{ shortCode: string; missing?: number }>> {
    const what: ToProve = { type: "Mandate", object: mandate };
    const policy = this.#several(what.type);
    if (policy) return this.#member(mandate.salt, what, (_, proof) => this.#client.call("grantPart", { mandate, proof, policy }));
    return this.prove(mandate.salt, what, (_, proof) => this.#client.call("grant", { mandate: { mandate, proof } }));
  }

  /** The policy, if more than one of its keys must sign this. */
  #several(type: ToProve["type"]): Policy | undefined {
    const { policy } = this.record;
    return policy && signersOf(type, policy) > 1 ? policy : undefined;
  }

  prove<What extends ToProve, Data>(key: string, what: What, send: Send<What, AccountProof, Data>): Promise<Result<Data>> {
    return this.#member(key, what, (object, member) => send(object, accountProof(this.record, member)));
  }

  /**
   * Signs it once, and sends it. If the desk does not answer, the next tap sends what was signed.
   * @param key what it decides: the time in the object may be another at the next tap
   */
  async #member<What extends ToProve, Data>(key: string, what: What, send: Send<What, PasskeyProof, Data>): Promise<Result<Data>> {
    const kept = this.#unsent.get(key);
    const made = kept ? { ok: true as const, data: kept.proof } : await this.#queue.ask(what, this.passkeys);
    if (!made.ok) return made;
    const signed = kept ?? { what, proof: made.data };
    this.#unsent.set(key, signed);
    const sent = await send(signed.what.object, signed.proof);
    if (sent.ok || !isAway(sent.error)) {
      this.#unsent.delete(key);
      return sent;
    }
    return problem(sent.error.code, "It is signed, and did not reach the desk. Tap again to send it.", sent.error.hint);
  }
}

/** For this a login is enough. */
export async function declineUnsigned(client: HostedClient, { requestDigest }: RequestItem, { code, note }: SaidNo): Promise<Result<Told>> {
  const no = { requestDigest: requestDigest as Digest, decision: "declined" as const, code, ...(note !== undefined && { note }) };
  return told(await client.call("refuse", { record: { decision: { ...no, decidedAt: formatTimestamp(unixNow()) }, signed: false } }));
}

type Send<What extends ToProve, Proof, Data> = (object: What["object"], proof: Proof) => Promise<Result<Data>>;

const NO_LEDGER = problem("not_set_up", "This desk does not know its ledger yet, and a signature names one.", "Try again in a moment.");

export function problem(code: string, message: string, hint?: string): { ok: false; error: Problem } {
  return { ok: false, error: { code, message, hint } };
}

function told(answer: Result<unknown>, note?: string): Result<Told> {
  return answer.ok ? { ok: true, data: { notes: note === undefined ? [] : [note] } } : answer;
}
