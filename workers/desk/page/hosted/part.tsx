/** Pages that are loaded when they are first shown. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Loading, Trouble } from "../parts.tsx";

export const HINT = "Are you online? This page tries again by itself.";

type MorePages = typeof import("./more.ts");

export function More({ children }: { children: (more: MorePages) => ComponentChildren }) {
  const [more, setMore] = useState<MorePages | "away" | undefined>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    setMore(undefined);
    import("./more.ts").then(setMore, () => setMore("away"));
  }, [round]);
  if (more === "away")
    return (
      <Trouble problem={{ code: "away", message: "This page could not be loaded.", hint: HINT }} again={() => setRound((n) => n + 1)} />
    );
  return more ? <>{children(more)}</> : <Loading />;
}
