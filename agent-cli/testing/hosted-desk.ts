/** A small hosted desk on localhost that keeps the contract of shared/desk/agent-api.ts, and lies when told to. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, vi } from "vitest";
import { fromBase64url } from "../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../shared/crypto/digest.ts";
import { verifyDigest } from "../../shared/crypto/ed25519.ts";
import { type Asked, askSchema, DESK_CALL_HEADER, type HandedReceipt, handedReceiptSchema } from "../../shared/desk/agent-api.ts";
import { PAIR_ROUTE, pairingPlace } from "../../shared/desk/pairing-place.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import { authorizationFor, signPayload } from "../../shared/protocol/approval.ts";
import { recordDecision } from "../../shared/protocol/decision.ts";
import { deskCallDigest, type Pairing, pairingDigest, type SignedDeskCall, type SignedPairing } from "../../shared/protocol/desk.ts";
import type { SignedMandate } from "../../shared/protocol/mandate.ts";
import { checkPaymentRequest, type PaymentRequest, requestDigest } from "../../shared/protocol/payment-request.ts";
import { prove, type ProofSigner } from "../../shared/protocol/proof.ts";
import { formatTimestamp, unixNow } from "../../shared/time.ts";
import type { PaymentPayload } from "../../shared/x402/x402.ts";
import { LEDGER } from "./merchant.ts";
import { served } from "./served.ts";

/** A server's whole answer, in place of the desk's own. */
type Instead = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => boolean;

export class TestDeskServer {
  readonly origin: string;
  /** Every call that came, as `GET /agent/…`. */
  calls: string[] = [];
  /** Requests by digest, and what was decided of them. */
  readonly asked = new Map<string, { request: PaymentRequest; terms: unknown; answer: Asked }>();
  readonly pairings = new Map<string, SignedPairing | undefined>();
  readonly paired = new Set<string>();
  mandates: SignedMandate[] = [];
  /** What agents handed in, by the request's digest. */
  readonly receipts = new Map<string, HandedReceipt>();
  instead: Instead | undefined;
  readonly #server: http.Server;
  readonly #nonces = new Set<string>();
  readonly #given = new Set<string>();
  readonly #changed = new EventTarget();

  private constructor(server: http.Server) {
    this.#server = server;
    this.origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => void this.#take(request, response));
    served(this.origin);
  }

  static async start(port = 0): Promise<TestDeskServer> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });
    return new TestDeskServer(server);
  }

  get port(): number {
    return Number(new URL(this.origin).port);
  }

  /** As a desk whose Worker is gone. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** As a desk that has lost every request. */
  forget(): void {
    this.asked.clear();
    this.receipts.clear();
    this.#given.clear();
  }

  async startAgain(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, "127.0.0.1", resolve));
  }

  /** What the owner's page does with a link: confirms it with a proof. `change` makes it another pairing than was asked for. */
  async confirm(link: string, owner: ProofSigner, change: Partial<Pairing> = {}): Promise<void> {
    const [agent = "", secret = ""] = new URL(link).hash.slice(PAIR_ROUTE.length).split(".");
    const pairing: Pairing = { desk: this.origin, account: owner.account, agent, secret, ...change };
    const signed = { pairing, ...(await prove(pairingDigest(pairing), owner)) };
    this.paired.add(`${pairing.account} ${agent}`);
    this.pairings.set(pairingPlace(secret), signed);
    this.#change();
  }

  /** The next request that nothing was decided of, once it is here. Each is given once. */
  waiting(): Promise<PaymentRequest> {
    const look = () => {
      const open = [...this.asked].find(([digest, { answer }]) => answer.state === "pending" && !this.#given.has(digest));
      if (!open) return Promise.reject(new Error("nothing waits at the desk"));
      this.#given.add(open[0]);
      return Promise.resolve(open[1].request);
    };
    return vi.waitFor(look, { timeout: 60_000, interval: 20 });
  }

  async approve(request: PaymentRequest, owner: ProofSigner): Promise<void> {
    this.answer(request, { state: "approved", requestDigest: requestDigest(request), payment: await paymentBy(owner, request) });
  }

  /** @param owner without one the refusal is unsigned */
  async decline(request: PaymentRequest, owner?: ProofSigner): Promise<void> {
    const digest = requestDigest(request);
    const said = {
      requestDigest: digest,
      decision: "declined" as const,
      code: "too_expensive" as const,
      decidedAt: formatTimestamp(unixNow()),
    };
    this.answer(request, { state: "declined", requestDigest: digest, decision: await recordDecision(said, owner, LEDGER) });
  }

  /** Whatever it is: a lying desk says it, too. */
  answer(request: PaymentRequest, answer: Asked): void {
    this.asked.set(requestDigest(request), { request, terms: undefined, answer });
    this.#change();
  }

  #change(): void {
    this.#changed.dispatchEvent(new Event("change"));
  }

  async #take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    this.calls.push(`${request.method} ${request.url}`);
    if (this.instead?.(request, response, bytes.toString())) return;
    const say = (status: number, body: object) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    const refuse = (status: number, code: string) => say(status, { ok: false, error: { code, message: `The test's desk says ${code}.` } });
    const agent = await this.#caller(request, bytes);
    if (agent === undefined) return void refuse(401, "desk_refused");
    const { pathname, searchParams } = new URL(request.url ?? "", this.origin);
    const [, first, account = "", what, digest = "", verb] = pathname.split("/");
    const wait = Number(searchParams.get("wait") ?? 0) * 1000;
    if (first === "pairings") {
      if (request.method === "PUT") this.pairings.set(account, undefined);
      const pairing = () => this.pairings.get(account);
      await this.#until(() => pairing() !== undefined, wait, response);
      const found = pairing();
      const data = found ? { state: "paired", pairing: found } : { state: "open", expiresAt: formatTimestamp(unixNow() + 600) };
      return void say(200, { ok: true, data });
    }
    if (first !== "agent" || !this.paired.has(`${account} ${agent}`)) return void refuse(403, "not_paired");
    if (what === "unpair") {
      this.paired.delete(`${account} ${agent}`);
      return void say(200, { ok: true, data: {} });
    }
    if (what === "mandates") return void say(200, { ok: true, data: { mandates: this.mandates } });
    if (request.method === "POST" && digest === "") {
      const { request: asked, terms } = askSchema.parse(JSON.parse(bytes.toString()));
      const requestedDigest = requestDigest(asked);
      const known = this.asked.get(requestedDigest);
      if (!known) this.asked.set(requestedDigest, { request: asked, terms, answer: { state: "pending", requestDigest: requestedDigest } });
      return void say(200, { ok: true, data: this.asked.get(requestedDigest)?.answer ?? {} });
    }
    const known = this.asked.get(digest);
    if (!known) return void refuse(404, "request_not_found");
    if (verb === "receipt") {
      this.receipts.set(digest, handedReceiptSchema.parse(JSON.parse(bytes.toString())));
      return void say(200, { ok: true, data: {} });
    }
    if (verb === "cancel" && known.answer.state === "pending")
      this.answer(known.request, { state: "cancelled", requestDigest: requestDigest(known.request) });
    await this.#until(() => this.asked.get(digest)?.answer.state !== "pending", wait, response);
    say(200, { ok: true, data: this.asked.get(digest)?.answer ?? {} });
  }

  /** The key that signed the call; undefined if the call is not good. */
  async #caller(request: http.IncomingMessage, body: Buffer): Promise<string | undefined> {
    const header = request.headers[DESK_CALL_HEADER.toLowerCase()];
    if (typeof header !== "string") return undefined;
    const { call, publicKey, signature } = JSON.parse(Buffer.from(fromBase64url(header) ?? []).toString()) as SignedDeskCall;
    const good =
      call.method === request.method &&
      call.path === request.url &&
      call.bodySha256 === bodyDigest(body) &&
      Math.abs(Number(call.at) - unixNow()) <= 60 &&
      !this.#nonces.has(call.nonce) &&
      (await verifyDigest(signature, deskCallDigest(call), publicKey));
    this.#nonces.add(call.nonce);
    return good ? publicKey : undefined;
  }

  async #until(holds: () => boolean, milliseconds: number, response: http.ServerResponse): Promise<void> {
    const over = Promise.withResolvers<void>();
    const look = () => void (holds() && over.resolve());
    const timer = setTimeout(() => over.resolve(), milliseconds);
    this.#changed.addEventListener("change", look);
    response.on("close", () => over.resolve());
    look();
    await over.promise;
    clearTimeout(timer);
    this.#changed.removeEventListener("change", look);
  }
}

/** The owner's approval of a request, with a proof of any kind. */
export async function paymentBy(owner: ProofSigner, request: PaymentRequest, from: AccountId = owner.account): Promise<PaymentPayload> {
  const checked = await checkPaymentRequest(request, unixNow());
  if (!checked.ok) throw new Error(`the request is not good: ${JSON.stringify(checked)}`);
  return signPayload(request, checked, authorizationFor(request, checked, from, unixNow()), owner);
}

/** The link in what `pair` has said. */
export function linkIn(text: string): string {
  const [link] = /^http\S+#\/pair\/\S+$/m.exec(text) ?? [];
  if (link === undefined) throw new Error(`there is no link in ${text}`);
  return link;
}
