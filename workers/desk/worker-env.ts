/** The bindings of the Worker: those of its objects, and the objects. */

import type { Desk } from "./desk.ts";
import type { DeskEnv } from "./env.ts";

export interface WorkerEnv extends DeskEnv {
  /** By the owner's account. */
  DESK: DurableObjectNamespace<Desk>;
}
