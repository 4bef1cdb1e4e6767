/** The calls of the page, to the desk that served it. */

import { API_PATH, type Answered, type DeskCalls } from "../../../shared/desk/api.ts";

export type Result<Data> = Answered<Data>;
export type Problem = Extract<Result<unknown>, { ok: false }>["error"];

/** What every desk is asked in the same words. Who decides, and how, is an `Owner`. */
export type CommonCalls = Omit<DeskCalls, "read" | "approve" | "decline" | "takeBack" | "revokeMandate">;

/** A desk that answers these calls. */
export interface Asks<Calls extends Record<keyof Calls, [ask: unknown, answer: unknown]>> {
  call<Name extends keyof Calls & string>(name: Name, ask: Calls[Name][0]): Promise<Result<Calls[Name][1]>>;
}
export type Client = Asks<CommonCalls>;

/** A connection that hangs must not end what is asked again and again. An approval takes its time: key, merchant and ledger. */
const ANSWER_MILLIS = 60_000;

/** No answer, or one that is not the desk's. */
const AWAY = { code: "away", message: "The desk does not answer." };

/**
 * @param hint where to look if the desk does not answer
 * @param token of the link to a local desk, which lives in this object and nowhere else. A hosted desk sets a cookie that no script reads
 */
export function deskClient<Calls extends Record<keyof Calls, [ask: unknown, answer: unknown]>>(hint: string, token?: string): Asks<Calls> {
  return {
    async call<Name extends keyof Calls & string>(name: Name, ask: Calls[Name][0]) {
      try {
        const response = await fetch(`${API_PATH}${name}`, {
          method: "POST",
          headers: { "Content-Type": "application/json", ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
          body: JSON.stringify(ask),
          cache: "no-store",
          credentials: token === undefined ? "same-origin" : "omit",
          redirect: "error",
          signal: AbortSignal.timeout(ANSWER_MILLIS),
        });
        return (await response.json()) as Result<Calls[Name][1]>;
      } catch {
        return { ok: false, error: { ...AWAY, hint } };
      }
    },
  };
}

export function isAway({ code }: Problem): boolean {
  return code === AWAY.code;
}
