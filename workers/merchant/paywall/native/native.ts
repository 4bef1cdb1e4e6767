/**
 * `lez-agent-pay/hono/native`: payments by a transfer on the Logos Execution Zone itself. Importing this file, before the first `paywall()`, is
 * what lets offers name the networks `lez:*`. spec/protocol.md §9.
 */

import { provideNative } from "../native-acceptor.ts";
import { checkNativeOffer, requireMemory } from "./check-offer.ts";
import { nativeExtra } from "./extra.ts";
import { nativeFacts } from "./facts.ts";
import { recallNative, settleNative } from "./settle.ts";

provideNative({
  check: checkNativeOffer,
  requireSetup: requireMemory,
  extraOf: nativeExtra,
  factsOf: nativeFacts,
  settle: settleNative,
  recall: recallNative,
});
