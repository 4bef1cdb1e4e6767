/** The shop of a seller's day: the merchant that counts, and what tells its seller's server. */

import { paywallWebhooks } from "../../../workers/merchant/paywall/index.ts";
import app from "../../workerd/counting-merchant.ts";

export { Webhooks } from "../../../workers/merchant/paywall/webhooks/webhooks.ts";
export { Deliveries } from "../../workerd/counting-merchant.ts";

app.route("/", paywallWebhooks());

export default app;
