/** The key of Web Push. */

import type { DeskEnv } from "../env.ts";

/** @returns the public half, base64url; undefined where pushes are not set up */
export async function pushKey(_env: DeskEnv): Promise<string | undefined> {
  return undefined;
}
