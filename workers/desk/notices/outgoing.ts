/**
 * Which addresses of strangers a desk posts to. An owner names them, and an account costs nothing: they are checked as a stranger's. What a
 * name resolves to is the platform's business: Cloudflare reaches public addresses only, and workerd unless its operator allowed more.
 */

import type { WebhookFormat } from "../../../shared/desk/hosted-api.ts";
import { MAX_URL_LENGTH } from "../../../shared/limits.ts";
import { isLoopbackName, isPublicName } from "../../../shared/text/public-name.ts";

export interface Egress {
  /** DESK_EGRESS: "loopback" also allows addresses of this machine. */
  DESK_EGRESS?: string;
  /** The host and port of a test's push service, over plain HTTP. Counts beside FAUCET=on only. */
  PUSH_TEST_HOST?: string;
  FAUCET?: string;
}

export type Screened = { ok: true; url: URL } | { ok: false; problem: string };

/** Of Google (Chrome and most others), Mozilla, Apple and Microsoft. */
const PUSH_SERVICES = [
  /^fcm\.googleapis\.com$/,
  /^([a-z0-9-]+\.)?push\.services\.mozilla\.com$/,
  /^([a-z0-9-]+\.)?push\.apple\.com$/,
  /^([a-z0-9-]+\.)?notify\.windows\.com$/,
];
/** A webhook of these goes to its service; an ntfy server may be the owner's own. */
const SERVICES: Partial<Record<WebhookFormat, RegExp>> = {
  slack: /^hooks\.slack(-gov)?\.com$/,
  discord: /^((ptb|canary)\.)?discord(app)?\.com$/,
};

/** The address of a browser's subscription. */
export function pushAddress(text: string, { PUSH_TEST_HOST, FAUCET }: Egress): Screened {
  const url = urlOf(text);
  if (!url) return refused("the address of the push service is none");
  if (FAUCET === "on" && PUSH_TEST_HOST && url.protocol === "http:" && url.host === PUSH_TEST_HOST) return { ok: true, url };
  const problem = problemOf(url);
  if (problem) return refused(problem);
  return PUSH_SERVICES.some((service) => service.test(url.hostname))
    ? { ok: true, url }
    : refused(`${url.hostname} is no push service that this desk knows`);
}

/** The address of a webhook. */
export function webhookAddress(text: string, format: WebhookFormat, { DESK_EGRESS }: Egress): Screened {
  const url = urlOf(text);
  if (!url) return refused("the address is none");
  if (DESK_EGRESS === "loopback" && isLoopbackName(url.hostname) && ["http:", "https:"].includes(url.protocol) && !hasCredentials(url))
    return { ok: true, url };
  const problem = problemOf(url);
  if (problem) return refused(problem);
  const { [format]: service } = SERVICES;
  return !service || service.test(url.hostname) ? { ok: true, url } : refused(`${url.hostname} is not where ${format} takes webhooks`);
}

/** The address of a request that its owner reads: its host is asked for its terms. */
export function merchantAddress(text: string, { DESK_EGRESS }: Egress): Screened {
  const url = urlOf(text);
  if (!url) return refused("the address is none");
  if (DESK_EGRESS === "loopback" && isLoopbackName(url.hostname) && ["http:", "https:"].includes(url.protocol)) return { ok: true, url };
  const problem = problemOf(url);
  return problem ? refused(problem) : { ok: true, url };
}

function problemOf(url: URL): string | undefined {
  if (url.protocol !== "https:") return "the address must begin with https://";
  if (url.port !== "") return "the address must have no port: 443 is the only one";
  if (hasCredentials(url)) return "the address must have no user name and no password";
  return isPublicName(url.hostname) ? undefined : "the address must have the name of a host on the public internet";
}

function hasCredentials({ username, password }: URL): boolean {
  return username !== "" || password !== "";
}

function urlOf(text: string): URL | undefined {
  return text.length <= MAX_URL_LENGTH ? (URL.parse(text) ?? undefined) : undefined;
}

function refused(problem: string): Screened {
  return { ok: false, problem };
}
