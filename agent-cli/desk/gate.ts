/**
 * Who may call the desk: the page that this process served, with the token from the link that it printed. Another page in the
 * same browser has neither the token nor the origin, and a name that leads here (DNS rebinding) is not the host.
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { fail, type Failure } from "../runtime/outcome.ts";

/** What the desk compares every request with. */
export interface Door {
  /** `localhost:8789`. */
  host: string;
  /** 64 hex digits. */
  token: string;
}

export interface Refusal {
  status: number;
  failure: Failure;
}

type Headers = Pick<IncomingHttpHeaders, "host" | "origin" | "authorization" | "content-type"> & { "sec-fetch-site"?: unknown };

/** Every request, that for the page too, must name the desk as a browser does that was led here by the link. */
export function hostRefusal({ host }: Headers, door: Door): Refusal | undefined {
  return host === door.host ? undefined : refused(421, `This desk is http://${door.host}.`);
}

/** A call must come from the page of this desk, with its token, as JSON. */
export function callRefusal(headers: Headers, door: Door): Refusal | undefined {
  if (headers.origin !== `http://${door.host}`) return refused(403, "The call does not come from the page of this desk.");
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return refused(403, "The call does not come from the page of this desk.");
  const [scheme, given = ""] = (headers.authorization ?? "").split(" ", 2);
  if (scheme !== "Bearer" || !sameToken(given, door.token))
    return refused(401, "This page has no key to the desk.", "Open the link that lez-agent-pay desk printed.");
  if (headers["content-type"] !== "application/json") return refused(415, "A call is JSON.");
  return undefined;
}

/** Compares digests: the time says nothing of where two tokens differ. */
function sameToken(given: string, token: string): boolean {
  const [a, b] = [given, token].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

export function refused(status: number, message: string, hint?: string): Refusal {
  return { status, failure: fail("desk_refused", message, hint === undefined ? {} : { hint }) };
}
