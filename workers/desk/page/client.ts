/** The calls of the page. The token lives in this object and nowhere else: no cookie, no storage. */

import { API_PATH, type Answer, type Answered, type Ask, type CallName } from "../../../shared/desk/api.ts";

export type Result<Data> = Answered<Data>;
export type Problem = Extract<Result<unknown>, { ok: false }>["error"];

/** No answer, or one that is not the desk's. */
const AWAY: Problem = {
  code: "away",
  message: "The desk does not answer.",
  hint: "Is lez-agent-pay desk still running in its terminal? This page tries again by itself.",
};

export class Client {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  async call<Name extends CallName>(name: Name, ask: Ask<Name>): Promise<Result<Answer<Name>>> {
    try {
      const response = await fetch(`${API_PATH}${name}`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.#token}` },
        body: JSON.stringify(ask),
        cache: "no-store",
        credentials: "omit",
        redirect: "error",
      });
      return (await response.json()) as Result<Answer<Name>>;
    } catch {
      return { ok: false, error: AWAY };
    }
  }
}

export function isAway({ code }: Problem): boolean {
  return code === AWAY.code;
}
