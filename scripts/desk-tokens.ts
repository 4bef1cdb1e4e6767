/** Generates the colours and the type scale of the desk's page. */

import { LOOK } from "../shared/screen/look.ts";

export function deskTokens(): Record<string, string> {
  return { "workers/desk/page/tokens.css": `/* Generated from shared/screen/look.ts. */\n\n${LOOK}` };
}
