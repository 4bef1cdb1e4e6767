/** Every check, in the order of a report. spec/validate.md is generated from them. */

import { CHALLENGE_CHECKS } from "./challenge-checks.ts";
import type { ConformanceCheck } from "./check.ts";
import type { MerchantVisit } from "./merchant-visit.ts";
import { PAYMENT_CHECKS } from "./payment-checks.ts";
import { TERMS_CHECKS } from "./terms-checks.ts";

export { FACILITATOR_CHECKS } from "./facilitator-checks.ts";

export const MERCHANT_CHECKS: readonly ConformanceCheck<MerchantVisit>[] = [...CHALLENGE_CHECKS, ...TERMS_CHECKS, ...PAYMENT_CHECKS];
