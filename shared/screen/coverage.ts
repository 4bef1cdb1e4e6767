/** What a payment is bound to, in words. */

import type { BindingScope, BoundRequest } from "../protocol/binding.ts";

export function coverageText(scope: BindingScope, { bodySha256 }: BoundRequest): string {
  const bodyCovered = bodySha256 ? " and body" : "";
  const bodyOpen = bodySha256 ? " and NOT the body" : "";
  const words: Record<BindingScope, string> = {
    none: "NOTHING: this merchant does not tie the payment to the request",
    "query+body": `exactly this request: method, address${bodySha256 ? ", query and body" : " and query"}`,
    query: `method, address and query${bodyOpen}`,
    "route+body": `method, path${bodyCovered}, NOT the query`,
    route: `method and path, NOT the query${bodyOpen}`,
  };
  return words[scope];
}
