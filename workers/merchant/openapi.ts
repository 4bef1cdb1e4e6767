/** The merchant's OpenAPI document: its priced routes, for buyers that compare before they ask. */

import type { PricedRoute } from "./index-page.ts";
import { paymentInfo, paymentRequired } from "./paywall/index.ts";

/** What a route needs to be asked for. */
const PARAMETERS: Record<string, object[]> = {
  "/weather": [{ name: "city", in: "query", required: true, schema: { type: "string" } }],
};

export function openApi(routes: readonly (PricedRoute & { mimeType: string })[], payTo: string) {
  const operations = routes.map(({ method, path, mimeType, ...price }) => {
    const parameters = PARAMETERS[path];
    const responses = { 200: { description: "What was bought", content: { [mimeType]: {} } }, 402: paymentRequired(price) };
    const operation = { summary: price.description, ...(parameters && { parameters }), responses, ...paymentInfo({ ...price, payTo }) };
    return [path, { [method.toLowerCase()]: operation }];
  });
  return { openapi: "3.1.0", info: { title: "lez demo merchant", version: "1" }, paths: Object.fromEntries(operations) as object };
}
