/** For the receiver of a merchant's webhooks, in Node.js or a Worker. */

export type { WebhookEvent, WebhookType } from "./event.ts";
export { verifyWebhook, type VerifiedWebhook } from "./verify.ts";
