/** The demo merchant's account and keys. They are published: anyone can spend its money, and its signatures prove nothing. */

import { utf8 } from "./crypto/bytes.ts";
import type { AccountId } from "./protocol/account.ts";
import type { LezAccountId } from "./zone/account.ts";

/** An Ed25519 seed: 32 ASCII bytes that anyone can type. */
export const DEMO_MERCHANT_SECRET_KEY: Uint8Array = /* @__PURE__ */ utf8("LEZ-agent-pay demo merchant key!");

/** The account of that key, written out so that a merchant need not derive it. A test checks that it fits. */
export const DEMO_MERCHANT_ACCOUNT = "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" as AccountId;

/** The account of the same 32 bytes as a key of LEZ. */
export const DEMO_MERCHANT_LEZ_ACCOUNT = "64X7r48N4juQtZGSWcMisbs8WyN9gKj7AXaJRnbo966D" as LezAccountId;

/** RECEIPT_KEY of the demo merchant on a local stack, never deployed. It shows what evidence looks like. */
export const DEMO_RECEIPT_KEY = "4c455a2064656d6f206d65726368616e7427732072656365697074206b657921";
