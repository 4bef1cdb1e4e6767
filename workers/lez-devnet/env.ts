/** The Worker's bindings. */

import type { DevnetVars } from "./config.ts";
import type { Devnet } from "./devnet.ts";

export interface DevnetEnv extends DevnetVars {
  DEVNET: DurableObjectNamespace<Devnet>;
  /** SHA-256 of the bearer key of `/control/*`. Absent: there is no such path. */
  DEVNET_CONTROL?: string;
  /** "on": `POST /faucet` gives test money to every caller. */
  FAUCET?: string;
}
