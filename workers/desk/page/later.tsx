/** Pages that are loaded when they are first shown: what a visit does not need, it does not wait for. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Loading, Trouble } from "./parts.tsx";

interface LaterProps<Pages> {
  /** The same function each time. */
  load: () => Promise<Pages>;
  children: (pages: Pages) => ComponentChildren;
}

export function Later<Pages extends object>({ load, children }: LaterProps<Pages>) {
  const [pages, setPages] = useState<Pages | "away" | undefined>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    setPages(undefined);
    load().then(setPages, () => setPages("away"));
  }, [load, round]);
  if (pages === "away")
    return (
      <Trouble
        problem={{ code: "away", message: "This page could not be loaded. Is the desk running, and are you online?" }}
        again={() => setRound((n) => n + 1)}
      />
    );
  return pages ? <>{children(pages)}</> : <Loading />;
}
