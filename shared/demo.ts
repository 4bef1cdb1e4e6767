/** The demo merchant's account. Its key is published, so money paid to it belongs to everybody. Never use it for real money. */
import type { AccountId } from "./account.ts";
import { utf8 } from "./bytes.ts";

/** An Ed25519 seed: 32 ASCII bytes that anybody can type. */
export const DEMO_MERCHANT_SECRET_KEY: Uint8Array = /* @__PURE__ */ utf8("LEZ-agent-pay demo merchant key!");

/** The account of that key, spelled out so that a merchant need not derive it. A test keeps the two together. */
export const DEMO_MERCHANT_ACCOUNT = "6eWyGpH153eS9V4aFjAqDEFuUAjVCbk1sGcSHcMx4oKj" as AccountId;
