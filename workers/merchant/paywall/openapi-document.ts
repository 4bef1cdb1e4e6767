/**
 * `lez-agent-pay/hono/openapi`: the OpenAPI document of an app's priced routes, read from the app itself, for buyers that compare before
 * they ask. An app of `@hono/zod-openapi` makes its own, with `paymentInfo()`.
 */

import type { Handler } from "hono";
import { findTargetHandler } from "hono/utils/handler";
import { isAccountId } from "../../../shared/protocol/account.ts";
import { paymentInfo, paymentRequired } from "./openapi.ts";
import { checkOptions, type ExemptingOptions, type OffersOptions, type PaywallOptions } from "./options.ts";
import { pricedWith } from "./priced-handlers.ts";
import { covers, isForAllPaths, templatesOf } from "./route-patterns.ts";
import type { PaywallBindings } from "./types.ts";

type Options = PaywallOptions | OffersOptions | ExemptingOptions;

/** As Hono keeps it. */
interface Route {
  method: string;
  path: string;
  handler: Handler;
}

const ALL = "ALL";
/** Those that a payment can be for. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const BODY_TYPES = { json: "application/json", "form-data": "multipart/form-data", text: "text/plain" };

/**
 * A handler that answers with the document: every route behind `paywall()` or `paid()` with its price, its payee and its 402, and the input
 * that `discoverable` declares. Left out are routes for all paths, such as `/files/*`, and methods that are exempt. An option that is a
 * function is not known here: such a price is `dynamic`.
 *
 * @example
 * app.get("/openapi.json", paywallOpenApi(app, { title: "Shop", version: "1" }));
 *
 * @param app whose routes are listed; those that are added before the first request
 * @param info as OpenAPI has it
 */
export function paywallOpenApi(
  app: { readonly routes: readonly Route[] },
  info: { title: string; version: string; description?: string },
): Handler {
  /** By the payee: the binding may differ from one deployment to another, and not from one request to the next. */
  const documents = new Map<string | undefined, object>();
  return (c) => {
    const { PAY_TO } = (c.env ?? {}) as Partial<PaywallBindings>;
    const document = documents.get(PAY_TO) ?? { openapi: "3.1.0", info, paths: pathsOf(app.routes, PAY_TO) };
    documents.set(PAY_TO, document);
    return c.json(document);
  };
}

function pathsOf(routes: readonly Route[], payTo: string | undefined): Record<string, Record<string, object>> {
  const paths: Record<string, Record<string, object>> = {};
  const own = routes.map((route) => ({ ...route, options: pricedWith(findTargetHandler(route.handler)) }));
  for (const [i, { method, path, options }] of own.entries()) {
    if (!options) continue;
    const isOnRoute = method !== ALL && !isForAllPaths(path);
    const behind = isOnRoute ? [{ method, path }] : own.slice(i + 1).filter((route) => isBehind(route, method, path));
    for (const route of behind.length === 0 ? [{ method, path }] : behind) {
      const methods = route.method === ALL ? (method === ALL ? METHODS : [method]) : [route.method];
      for (const { template, names } of isForAllPaths(route.path) ? [] : templatesOf(route.path)) {
        const item = (paths[template] ??= {});
        for (const each of methods.filter((name) => METHODS.includes(name) && !isExempt(options, name)))
          item[each.toLowerCase()] ??= operation(each, names, options, payTo);
        if (Object.keys(item).length === 0) delete paths[template];
      }
    }
  }
  return paths;
}

/** Whether a paywall in front of this method and path prices a later route: what is for all methods and passes on is other middleware. */
function isBehind({ method, path, handler }: Route, ofMethod: string, pattern: string): boolean {
  const isMiddleware = method === ALL && findTargetHandler(handler).length > 1;
  return !isMiddleware && (ofMethod === ALL || method === ALL || method === ofMethod) && covers(pattern, path);
}

function isExempt({ exempt }: { exempt?: unknown }, method: string): boolean {
  return Array.isArray(exempt) && exempt.includes(method);
}

/** Of an input that only an example shows. */
const QUERY_VALUE = { type: "string" };

type Parameter = { name: string; in: "path" | "query"; required: boolean; schema: object; example?: unknown };

function operation(method: string, names: readonly PathParameter[], options: Options, payTo: string | undefined) {
  const { description, mimeType, discoverable } = checkOptions(options);
  const priced = { ...(isAccountId(payTo) && { payTo }), ...options } as PaywallOptions;
  const { input = {}, inputSchema = {}, bodyType = "json", tags } = discoverable ?? {};
  const hasBody = ["POST", "PUT", "PATCH"].includes(method);
  const properties = {
    ...Object.fromEntries(Object.keys(input).map((name) => [name, QUERY_VALUE])),
    ...(inputSchema["properties"] as object),
  };
  const required: unknown[] = Array.isArray(inputSchema["required"]) ? inputSchema["required"] : [];
  const parameters: Parameter[] = [
    ...names.map(({ name, pattern }) => pathParameter(name, pattern)),
    ...(hasBody ? [] : Object.entries(properties)).map(([name, schema]) => ({
      name,
      in: "query" as const,
      required: required.includes(name),
      schema: schema as object,
      ...(name in input && { example: input[name] }),
    })),
  ];
  const body = {
    schema: { type: bodyType === "text" ? "string" : "object", ...inputSchema },
    ...(discoverable?.input && { example: input }),
  };
  return {
    ...(typeof description === "string" && { summary: description }),
    ...(tags && { tags }),
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody && discoverable && { requestBody: { content: { [BODY_TYPES[bodyType]]: body } } }),
    responses: { 200: { description: "What was bought", ...(mimeType && { content: { [mimeType]: {} } }) }, 402: paymentRequired(priced) },
    ...paymentInfo(priced),
  };
}

type PathParameter = ReturnType<typeof templatesOf>[number]["names"][number];

function pathParameter(name: string, pattern: string | undefined): Parameter {
  return { name, in: "path", required: true, schema: { type: "string", ...(pattern !== undefined && { pattern: `^(?:${pattern})$` }) } };
}
