/** The three Workers' classes in one Worker, so that the tests beside this file can reach into the Durable Objects. */
export { default } from "../../workers/facilitator/index.ts";
export { Catalogue } from "../../workers/facilitator/catalogue.ts";
export { Ledger } from "../../workers/ledger-do/index.ts";
export { Deliveries } from "../../workers/merchant/paywall/memory/deliveries.ts";
export { Deliveries as RefundingDeliveries } from "../../workers/merchant/paywall/refunds.ts";
export { Sessions } from "../../workers/merchant/paywall/sessions/sessions.ts";
export { Webhooks } from "../../workers/merchant/paywall/webhooks/webhooks.ts";
