/** Asks one endpoint questions, one after the other, within a time that somebody would wait; and gives up on one that keeps silent. */
import { exchange, type HttpRequest, type HttpResponse } from "../runtime/exchange.ts";

export type Reply =
  | ({ kind: "answer" } & HttpResponse)
  /** The connection failed, broke off, or nothing came in time. */
  | { kind: "silence"; problem: string; reached: boolean; timedOut: boolean }
  | { kind: "unasked"; why: string };

/** After this many unanswered requests the rest is not asked. */
const PATIENCE = 2;

export class Asking {
  readonly #signal: AbortSignal;
  readonly #timeoutSeconds: number;
  #silences = 0;
  #stopped: string | undefined;

  /** @param timeoutSeconds for each request */
  constructor(signal: AbortSignal, timeoutSeconds: number) {
    this.#signal = signal;
    this.#timeoutSeconds = timeoutSeconds;
  }

  async ask(request: HttpRequest): Promise<Reply> {
    if (this.#stopped !== undefined) return { kind: "unasked", why: this.#stopped };
    if (this.#signal.aborted) return { kind: "unasked", why: "interrupted" };
    if (this.#silences >= PATIENCE) return { kind: "unasked", why: `${PATIENCE} requests before it had no answer` };
    const answer = await exchange(request, this.#signal, this.#timeoutSeconds);
    if (answer.ok) {
      const { ok: _, ...response } = answer;
      return { kind: "answer", ...response };
    }
    this.#silences++;
    const { ok: _, ...silence } = answer;
    return { kind: "silence", ...silence };
  }

  /** Nothing more is asked. */
  stop(why: string): void {
    this.#stopped ??= why;
  }
}

/** `402`, `no answer within 10 s`: what came, in a few words. */
export function said(reply: Reply): string {
  if (reply.kind === "answer") return `${reply.status}`;
  return reply.kind === "silence" ? `no answer (${reply.problem})` : `not asked: ${reply.why}`;
}

export function isGiven(reply: Reply): boolean {
  return reply.kind === "answer" && reply.status >= 200 && reply.status < 300;
}
