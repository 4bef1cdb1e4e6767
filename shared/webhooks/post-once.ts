/** One try to post a message to a server that an operator or an owner named. */

import { MAX_LOGGED_CAUSE_LENGTH } from "../limits.ts";

/** A status is the server's word. `problem`: there was none. */
export type Posted = { status: number; isOk: boolean } | { status?: undefined; isOk: false; problem: string };

export interface Post {
  url: URL | string;
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer> | string;
  /** Until the server has answered with a status. */
  seconds: number;
}

/**
 * The answer's body is not read, and no redirect is followed. Never rejects.
 * @param send the caller's `fetch`
 */
export async function postOnce(send: (url: URL | string, init: RequestInit) => Promise<Response>, post: Post): Promise<Posted> {
  const { url, headers, body, seconds } = post;
  // Not AbortSignal.timeout: its timer would keep an object awake after the answer.
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), seconds * 1000);
  try {
    const { ok, status, body: answer } = await send(url, { method: "POST", headers, body, redirect: "manual", signal: abort.signal });
    void answer?.cancel().catch(() => undefined);
    return { status, isOk: ok };
  } catch (error) {
    return { isOk: false, problem: abort.signal.aborted ? `no answer in ${seconds} s` : String(error).slice(0, MAX_LOGGED_CAUSE_LENGTH) };
  } finally {
    clearTimeout(timer);
  }
}
