/** Reads a request for approval: the desk asks the merchant, and the page computes from the request's own text what will be signed. */

import { useEffect, useState } from "preact/hooks";
import { readApproval } from "../../../shared/desk/approval-wire.ts";
import type { Problem } from "./client.ts";
import type { Owner, PageReading } from "./owner.ts";

export function useReading(owner: Owner, request: string, expiresIn: number | undefined) {
  const [state, setState] = useState<{ reading?: PageReading; problem?: Problem }>({});
  const [round, setRound] = useState(0);
  useEffect(() => {
    let over = false;
    const read = async () => {
      const answer = await owner.read(request, expiresIn);
      if (!answer.ok) return { problem: answer.error };
      const { view, reading: id, partial } = answer.data;
      const approval = await readApproval(view);
      if (!approval.ok) return { problem: { code: "request_differs", message: approval.problem, hint: "Do not approve it." } };
      if (approval.view.checked.digest !== request)
        return { problem: { code: "request_differs", message: "The desk answers with another request.", hint: "Do not approve it." } };
      return { reading: { id, view: approval.view, partial, readAt: Date.now() } };
    };
    void read().then((next) => (over ? undefined : setState(next)));
    return () => {
      over = true;
    };
  }, [owner, request, expiresIn, round]);
  return { ...state, again: () => setRound((n) => n + 1) };
}
