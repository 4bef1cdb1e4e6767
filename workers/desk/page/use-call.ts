/** A call's answer that is kept fresh while its page is shown. */

import { useEffect, useState } from "preact/hooks";
import type { Asks, Problem } from "./client.ts";

export interface Loaded<Data> {
  /** The last answer: it stays while a later call fails. */
  data?: Data | undefined;
  problem?: Problem | undefined;
  reload: () => void;
}

/** How often a page asks again, while it is visible. */
export const FRESH_MILLIS = 2000;

/** @param everyMillis asks again and again; 0: once */
export function useCall<Calls extends Record<keyof Calls, [ask: unknown, answer: unknown]>, Name extends keyof Calls & string>(
  client: Asks<Calls>,
  name: Name,
  ask: Calls[Name][0],
  everyMillis = 0,
): Loaded<Calls[Name][1]> {
  const key = JSON.stringify([name, ask]);
  const [state, setState] = useState<{ key: string; data?: Calls[Name][1]; problem?: Problem }>({ key });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async () => {
      if (!document.hidden || round === 0) {
        const result = await client.call(name, ask);
        if (over) return;
        setState((before) => ({
          key,
          ...(result.ok
            ? { data: result.data }
            : { ...(before.key === key && before.data && { data: before.data }), problem: result.error }),
        }));
      }
      if (everyMillis > 0) timer = setTimeout(() => void load(), everyMillis);
    };
    void load();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [client, key, everyMillis, round]);
  // Another page's answer is not this one's.
  const own = state.key === key ? state : { key };
  return { data: own.data, problem: own.problem, reload: () => setRound((n) => n + 1) };
}
