/** Sends requests to one endpoint, one after the other, each with a timeout. It gives up on an endpoint that does not respond. */

import { exchange, type HttpRequest, type HttpResponse, type Network } from "../runtime/exchange.ts";
import type { Failure } from "../runtime/outcome.ts";

export type Reply =
  | ({ kind: "answer" } & HttpResponse)
  /** The connection failed or broke off, or the timeout expired. */
  | { kind: "silence"; problem: string; reached: boolean; timedOut: boolean; refused?: Failure }
  | { kind: "unsent"; why: string };

/** After this many requests without a response, the rest is not sent. */
const MAX_SILENCES = 2;

export class Probe {
  readonly #network: Network;
  readonly #timeoutSeconds: number;
  #silences = 0;
  #stopped: string | undefined;

  /** @param timeoutSeconds for each request */
  constructor(network: Network, timeoutSeconds: number) {
    this.#network = network;
    this.#timeoutSeconds = timeoutSeconds;
  }

  async send(request: HttpRequest): Promise<Reply> {
    if (this.#stopped !== undefined) return { kind: "unsent", why: this.#stopped };
    if (this.#network.io.signal.aborted) return { kind: "unsent", why: "interrupted" };
    if (this.#silences >= MAX_SILENCES) return { kind: "unsent", why: `${MAX_SILENCES} requests before it got no response` };
    const answer = await exchange(this.#network, request, { timeoutSeconds: this.#timeoutSeconds });
    if (answer.ok) {
      const { ok: _, ...response } = answer;
      return { kind: "answer", ...response };
    }
    this.#silences++;
    const { ok: _, ...silence } = answer;
    return { kind: "silence", ...silence };
  }

  /** Sends nothing from now on. */
  stop(why: string): void {
    this.#stopped ??= why;
  }
}

/** `402`, `no answer (no answer within 10 s)`: a reply in a few words. */
export function replyText(reply: Reply): string {
  if (reply.kind === "answer") return `${reply.status}`;
  return reply.kind === "silence" ? `no answer (${reply.problem})` : `not sent: ${reply.why}`;
}

/** Whether the endpoint served the resource. */
export function isServed(reply: Reply): boolean {
  return reply.kind === "answer" && reply.status >= 200 && reply.status < 300;
}
