/** The owner's page and an agent, as they speak to a hosted desk over HTTP: real passkeys in software, real signatures, no browser. */

import { bytesToHex, randomBytes, utf8 } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import { AGENT_PATH, type Asked, DESK_CALL_HEADER, PAIRINGS_PATH } from "../../shared/desk/agent-api.ts";
import type { Answered } from "../../shared/desk/api.ts";
import { readApproval } from "../../shared/desk/approval-wire.ts";
import { signDeskCall } from "../../shared/desk/call-check.ts";
import type { HostedAnswer, HostedAsk, HostedCallName, PairedAgent, SettingName } from "../../shared/desk/hosted-api.ts";
import { pairingPlace } from "../../shared/desk/pairing-place.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { authorizationDigest } from "../../shared/protocol/authorization.ts";
import { bindingOf } from "../../shared/protocol/binding.ts";
import {
  type DeskSetting,
  deskSettingDigest,
  type Login,
  loginDigest,
  type Pairing,
  pairingDigest,
  type SignedLogin,
} from "../../shared/protocol/desk.ts";
import {
  newPaymentRequest,
  type PaymentRequest,
  requestDigest,
  shortCode,
  signPaymentRequest,
} from "../../shared/protocol/payment-request.ts";
import { type Proof, prove, type ProofSigner } from "../../shared/protocol/proof.ts";
import { generateSecretKey, keySigner, type WalletSigner } from "../../shared/protocol/signer.ts";
import { unixNow } from "../../shared/time.ts";
import { decodeHeader, PAYMENT_REQUIRED } from "../../shared/x402/headers.ts";
import { type PaymentPayload, type PaymentRequired, paymentRequiredSchema } from "../../shared/x402/x402.ts";
import { TestPasskey } from "../passkey.ts";

export const REASON = "I need this to answer the question that you asked me this morning.";

export function randomHex(bytes: number): string {
  return bytesToHex(randomBytes(bytes));
}

export interface Sent {
  status: number;
  headers: Headers;
  /** `ok`, or the code of the refusal. */
  verdict: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of any call
  body: any;
}

async function sentOf(response: Response): Promise<Sent> {
  const text = await response.text();
  const body = JSON.parse(text) as Answered<unknown>;
  return { status: response.status, headers: response.headers, verdict: body.ok ? "ok" : body.error.code, body };
}

/** A passkey of the desk's own origin. */
export function passkeyAt(origin: string): TestPasskey {
  return new TestPasskey(new URL(origin).hostname, randomHex(32), origin);
}

export interface SendOptions {
  method?: string;
  /** null takes one away. */
  headers?: Record<string, string | null>;
  body?: string;
}

/** One browser with its cookie. */
export class Page {
  readonly origin: string;
  readonly signer: ProofSigner;
  /** Where the desk is reached. */
  readonly address: string;
  cookie: string | undefined;

  /**
   * @param signer signs for the account: a passkey, a key, a policy
   * @param address where it is reached, if its origin is the name of a deployment
   */
  constructor(origin: string, signer: ProofSigner, address = origin) {
    this.origin = origin;
    this.signer = signer;
    this.address = address;
  }

  get account() {
    return this.signer.account;
  }

  async send(name: string, ask: unknown, { method = "POST", headers = {}, body }: SendOptions = {}): Promise<Sent> {
    const usual: Record<string, string | null> = {
      "content-type": "application/json",
      origin: this.origin,
      "sec-fetch-site": "same-origin",
      ...(this.cookie !== undefined && { cookie: this.cookie }),
      ...headers,
    };
    const sent = Object.entries(usual).filter((entry): entry is [string, string] => entry[1] !== null);
    const response = await fetch(`${this.address}/api/${name}`, {
      method,
      headers: sent,
      ...(method !== "GET" && { body: body ?? JSON.stringify(ask) }),
    });
    return sentOf(response);
  }

  async call<Name extends HostedCallName>(name: Name, ask: HostedAsk<Name>): Promise<HostedAnswer<Name>> {
    const { body, verdict } = await this.send(name, ask);
    if (verdict !== "ok") throw new Error(`${name}: ${JSON.stringify(body)}`);
    return body.data as HostedAnswer<Name>;
  }

  async signedLogin(changes: Partial<Login> = {}, signer: ProofSigner = this.signer): Promise<SignedLogin> {
    const { nonce } = await this.call("loginNonce", { account: this.account });
    const login: Login = { version: "1", origin: this.origin, account: this.account, nonce, issuedAt: String(unixNow()), ...changes };
    return { login, ...(await prove(loginDigest(login), signer)) };
  }

  /** Signs in, and keeps the cookie. */
  async signIn(signed?: SignedLogin): Promise<Sent> {
    const sent = await this.send("login", { login: signed ?? (await this.signedLogin()) });
    const cookie = sent.headers.get("set-cookie")?.split(";")[0];
    if (sent.verdict === "ok") this.cookie = cookie;
    return sent;
  }

  async pair(agent: Agent, name = "Research agent"): Promise<PairedAgent> {
    const pairing: Pairing = { desk: this.origin, account: this.account, agent: agent.signer.publicKey, secret: agent.secret };
    return this.call("pair", { pairing: { pairing, ...(await prove(pairingDigest(pairing), this.signer)) }, name });
  }

  async signedSetting(setting: SettingName, value: object, changes: Partial<DeskSetting> = {}, signer: ProofSigner = this.signer) {
    const deskSetting: DeskSetting = {
      version: "1",
      desk: this.origin,
      account: this.account,
      setting,
      value: JSON.stringify(value),
      issuedAt: String(unixNow()),
      nonce: randomHex(32) as Digest,
      ...changes,
    };
    return { deskSetting, ...(await prove(deskSettingDigest(deskSetting), signer)) };
  }

  async set(setting: SettingName, value: object): Promise<Sent> {
    return this.send("set", { setting: await this.signedSetting(setting, value) });
  }

  /** Reads a request as the page does, and signs what it shows. */
  async payment(digest: Digest, changed: (proof: Proof) => Proof = (proof) => proof): Promise<PaymentPayload> {
    const { view } = await this.call("read", { request: digest });
    const reading = await readApproval(view);
    if (!reading.ok) throw new Error(reading.problem);
    const { authorization, checked, request } = reading.view;
    const proof = changed(await prove(authorizationDigest(authorization), this.signer));
    return { x402Version: 2, resource: { url: request.http.url }, accepted: checked.offer, payload: { authorization, ...proof } };
  }

  async approve(digest: Digest): Promise<Sent> {
    return this.send("decide", { payment: await this.payment(digest) });
  }
}

/** An agent with its key. */
export class Agent {
  readonly desk: string;
  readonly origin: string;
  readonly signer: WalletSigner;
  readonly secret = randomHex(16);

  private constructor(desk: string, signer: WalletSigner, origin: string) {
    this.desk = desk;
    this.origin = origin;
    this.signer = signer;
  }

  /** @param desk where it is reached @param origin its name, which calls are signed for */
  static async create(desk: string, origin = desk): Promise<Agent> {
    return new Agent(desk, await keySigner(generateSecretKey()), origin);
  }

  /** @param header in place of the signed call */
  async send(method: string, path: string, content?: unknown, header?: string): Promise<Sent> {
    const body = content === undefined ? new Uint8Array() : utf8(JSON.stringify(content));
    const call = header ?? (await signDeskCall({ desk: this.origin, method, path, body }, this.signer, unixNow()));
    const response = await fetch(`${this.desk}${path}`, {
      method,
      headers: { [DESK_CALL_HEADER]: call, "Content-Type": "application/json" },
      ...(content !== undefined && { body: new Uint8Array(body) }),
    });
    return sentOf(response);
  }

  get place(): string {
    return `${PAIRINGS_PATH}${pairingPlace(this.secret)}`;
  }

  openPairing(account?: string): Promise<Sent> {
    return this.send("PUT", this.place, { agent: this.signer.publicKey, ...(account !== undefined && { account }) });
  }

  at(account: string, path: string): string {
    return `${AGENT_PATH}${account}/${path}`;
  }

  ask(account: string, request: PaymentRequest, terms?: PaymentRequired): Promise<Sent> {
    return this.send("POST", this.at(account, "requests"), { request, ...(terms && { terms }) });
  }

  async look(account: string, digest: string, wait = 0): Promise<Asked> {
    const { body, verdict } = await this.send("GET", this.at(account, `requests/${digest}?wait=${wait}`));
    if (verdict !== "ok") throw new Error(JSON.stringify(body));
    return body.data as Asked;
  }

  /** Asks the merchant for its terms, and makes a request of the first of them, or of the first of a scheme. */
  async request(
    url: string,
    { scheme, ...changes }: { reason?: string; expiresIn?: number; scheme?: string; session?: { deposit: Amount; seconds: number } } = {},
  ): Promise<{ request: PaymentRequest; terms: PaymentRequired; digest: Digest }> {
    const answer = await fetch(url);
    const terms = decodeHeader(answer.headers.get(PAYMENT_REQUIRED) ?? "", paymentRequiredSchema);
    const offer = terms.ok ? terms.value.accepts.find((each) => (scheme ?? each.scheme) === each.scheme) : undefined;
    if (!terms.ok || !offer) throw new Error(`${url} makes no offer`);
    const { publicKey } = this.signer;
    const draft = {
      agent: { publicKey, name: "Research agent" },
      http: { method: "GET", url },
      offer,
      reason: REASON,
      expiresIn: 600,
      ...changes,
    };
    const request = await signPaymentRequest(newPaymentRequest(draft, unixNow()), this.signer);
    return { request, terms: terms.value, digest: requestDigest(request) };
  }
}

/** The agent has asked for a native transfer. Its merchant is not asked: a desk sends no POST. */
export async function askOnChain(
  agent: Agent,
  { account }: { account: string },
): Promise<{ request: PaymentRequest; digest: Digest; code: string; at: string }> {
  const terms = { network: "lez:devnet", asset: "native", amount: "10000", payTo: "Bbb4SDKkQ4zPcCNAHxY4V16J111R7jtWZbC19dYLkHYg" };
  const http = { method: "POST", url: "https://tides.example/v1/harbours" };
  const native = { assetTransferMethod: "transaction", paymentFlow: "upfront", dialect: "v0.3", ledger: "6d".repeat(32), maxFee: "100000" };
  const offer = { scheme: "exact", ...terms, maxTimeoutSeconds: 900, extra: { ...native, binding: bindingOf(http, terms) } };
  const draft = { agent: { publicKey: agent.signer.publicKey, name: "Research agent" }, http, offer, reason: REASON, expiresIn: 600 };
  const request = await signPaymentRequest(newPaymentRequest(draft, unixNow()), agent.signer);
  const sent = await agent.ask(account, request);
  if (sent.verdict !== "ok") throw new Error(JSON.stringify(sent.body));
  const digest = requestDigest(request);
  return { request, digest, code: shortCode(digest), at: `#/request/${digest}` };
}
