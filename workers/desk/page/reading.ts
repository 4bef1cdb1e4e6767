/** Reads a request for approval: the desk asks the merchant, and the page computes from the request's own text what will be signed. */

import { useEffect, useState } from "preact/hooks";
import { readApproval } from "../../../shared/desk/approval-wire.ts";
import type { ApprovalView } from "../../../shared/screen/view.ts";
import type { Client, Problem } from "./client.ts";

/** What the page has read for approval, and under which name the desk signs it. */
export interface PageReading {
  id: string;
  view: ApprovalView;
}

export function useReading(client: Client, request: string, expiresIn: number | undefined) {
  const [state, setState] = useState<{ reading?: PageReading; problem?: Problem }>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    let over = false;
    const read = async () => {
      const answer = await client.call("read", { request, ...(expiresIn !== undefined && { expiresIn }) });
      if (!answer.ok) return { problem: answer.error };
      const approval = await readApproval(answer.data.view);
      if (!approval.ok) return { problem: { code: "request_differs", message: approval.problem, hint: "Do not approve it." } };
      if (approval.view.checked.digest !== request)
        return { problem: { code: "request_differs", message: "The desk answers with another request.", hint: "Do not approve it." } };
      return { reading: { id: answer.data.reading, view: approval.view } };
    };
    void read().then((next) => (over ? undefined : setState(next)));
    return () => {
      over = true;
    };
  }, [client, request, expiresIn, round]);
  return { ...state, again: () => setRound((n) => n + 1) };
}
