/** The part of a hosted desk that is loaded when it is first shown. */

import type { ComponentChildren } from "preact";
import { Later } from "../later.tsx";

type MorePages = typeof import("./more.ts");
const load = () => import("./more.ts");

export function More({ children }: { children: (more: MorePages) => ComponentChildren }) {
  return <Later load={load}>{children}</Later>;
}
