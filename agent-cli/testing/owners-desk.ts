/** A hosted desk on localhost as an owner at a terminal calls it. It keeps the contract of shared/desk/hosted-api.ts, and lies when told to. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";
import { loginDigest, type SignedLogin } from "../../shared/protocol/desk.ts";
import { FACILITATOR_DECIDES } from "../../shared/protocol/passkey.ts";
import { type PaymentRequest, requestDigest } from "../../shared/protocol/payment-request.ts";
import { verifyProof } from "../../shared/protocol/proof.ts";
import { served } from "./served.ts";

/** What a call is answered in place of the desk's own answer; undefined hangs up. */
export type Lie = (ask: Record<string, unknown>) => { data: object } | { code: string } | undefined;

export class OwnersDesk {
  readonly origin: string;
  /** Names of calls, in order. */
  calls: string[] = [];
  /** What came with calls that sign, by name. */
  sent: Record<string, Record<string, unknown>[]> = {};
  request: PaymentRequest | undefined;
  state = "pending";
  /** What keys have signed. A part that comes is kept. */
  partial: { proofs: object[]; authorization?: unknown; session?: unknown } | undefined;
  proposed: object[] = [];
  lies: Record<string, Lie> = {};

  private constructor(server: http.Server) {
    this.origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => void this.#take(request, response));
    served(this.origin);
  }

  static async start(): Promise<OwnersDesk> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });
    return new OwnersDesk(server);
  }

  forget(): void {
    Object.assign(this, { calls: [], sent: {}, request: undefined, state: "pending", partial: undefined, proposed: [], lies: {} });
  }

  async #take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const name = (request.url ?? "").slice("/api/".length);
    const ask = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    this.calls.push(name);
    (this.sent[name] ??= []).push(ask);
    const headers = { "content-type": "application/json" };
    const refuse = (code: string) =>
      response.writeHead(409, headers).end(JSON.stringify({ ok: false, error: { code, message: `The test's desk says ${code}.` } }));
    const lie = this.lies[name];
    const told = lie ? lie(ask) : { data: {} };
    if (!told) return void request.socket.destroy();
    if ("code" in told) return void refuse(told.code);
    if (request.headers.origin !== this.origin || request.headers["content-type"] !== "application/json")
      return void refuse("desk_refused");
    const open = ["loginNonce", "login"].includes(name);
    if (!open && request.headers.cookie !== this.#cookie) return void refuse("signed_out");
    if (name === "login" && !(await this.#isLogin(ask["login"] as SignedLogin))) return void refuse("invalid_signature");
    const data = lie ? told.data : this.#answer(name, ask);
    const cookie = name === "login" && { "set-cookie": `${this.#cookie}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=3600` };
    response.writeHead(200, { ...headers, ...cookie }).end(JSON.stringify({ ok: true, data }));
  }

  #account = "1".repeat(32);

  get #cookie(): string {
    return `__Host-desk=${this.#account}.${"0f".repeat(32)}`;
  }

  async #isLogin({ login, ...proof }: SignedLogin): Promise<boolean> {
    const { account } = login;
    this.#account = account;
    const claimed = { type: "Login", digest: loginDigest(login), account } as const;
    return login.origin === this.origin && login.nonce === NONCE && (await verifyProof(proof, claimed, FACILITATOR_DECIDES)).ok;
  }

  /** As one of two. */
  #keep({ proof, authorization, session }: Record<string, unknown>): object {
    const proofs = [...(this.partial?.proofs ?? []), proof as object];
    this.partial = { ...(authorization === undefined ? { session } : { authorization }), proofs };
    return { shortCode: "", whole: proofs.length > 1, missing: Math.max(0, 2 - proofs.length) };
  }

  #answer(name: string, ask: Record<string, unknown>): object {
    const { request, state } = this;
    const digest = request && requestDigest(request);
    const listed = request && (ask["all"] === true || state === "pending") ? [{ requestDigest: digest, state }] : [];
    const answers: Record<string, object> = {
      loginNonce: { nonce: NONCE },
      login: { account: this.#account, expiresAt: "2026-01-31T00:00:00Z" },
      requests: { requests: listed, unreadable: [] },
      mandates: { mandates: [], proposed: this.proposed },
      file: { name: "request.json", text: JSON.stringify({ request }) },
      read: { view: {}, ...(this.partial && { partial: this.partial }) },
      partial: name === "partial" ? this.#keep(ask) : {},
      grantPart: { shortCode: "", whole: false, missing: 1 },
    };
    return answers[name] ?? {};
  }
}

const NONCE = "3f".repeat(32);
