/** The demo merchant's OpenAPI document states what its 402s ask. */

import { decodePaymentRequiredHeader } from "@x402/core/http";
import { expect, test } from "vitest";
import { PAYMENT_REQUIRED } from "../../shared/x402/headers.ts";
import { useStack } from "../stack/stack.ts";

const world = useStack();

interface Operation {
  summary: string;
  parameters?: { name: string; in: string; required: boolean }[];
  responses: Record<string, object>;
  "x-payment-info": { price: object; protocols: { x402: Record<string, unknown> }[] };
}

test("every priced route is in /openapi.json, with the terms of its 402 [openapi-served]", async () => {
  const { merchant } = world.stack;
  const { routes } = (await (await fetch(`${merchant}/`)).json()) as { routes: { method: string; path: string }[] };
  const { openapi, paths } = (await (await fetch(`${merchant}/openapi.json`)).json()) as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
  };
  expect(openapi).toBe("3.1.0");
  expect(Object.keys(paths)).toEqual(routes.map(({ path }) => path));
  for (const { method, path } of routes) {
    const operation = paths[path]?.[method.toLowerCase()];
    const query = (operation?.parameters ?? []).map(({ name }) => `${name}=Zurich`).join("&");
    const answer = await fetch(`${merchant}${path}?${query}`, { method });
    expect([path, answer.status]).toEqual([path, 402]);
    const { accepts, resource } = decodePaymentRequiredHeader(answer.headers.get(PAYMENT_REQUIRED) ?? "");
    const [terms] = accepts;
    const { scheme, network, asset, amount, payTo, maxTimeoutSeconds } = terms ?? {};
    expect(operation?.["x-payment-info"].protocols).toMatchObject([{ x402: { scheme, network, asset, amount, payTo, maxTimeoutSeconds } }]);
    expect(operation?.summary).toBe(resource.description);
    expect(Object.keys(operation?.responses ?? {})).toEqual(["200", "402"]);
  }
});
