/** Where webhooks go and what signs them, from the Worker's bindings. */

import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { webhookKeys } from "../../../../shared/webhooks/signature.ts";
import type { PaywallBindings } from "../types.ts";

export interface WebhookSettings {
  url: URL;
  /** Each signs: two while one replaces the other. */
  keys: readonly Uint8Array[];
}

type Named = Pick<PaywallBindings, "WEBHOOKS" | "WEBHOOK_URL" | "WEBHOOK_SECRET" | "WEBHOOK_LOOPBACK">;

const known = new WeakMap<Named, WebhookSettings>();

/**
 * @returns undefined if the seller wants no webhooks
 * @throws {ConfigurationError} if it wants them and they cannot be sent
 */
export function webhookSettings(env: Named): WebhookSettings | undefined {
  const { WEBHOOKS, WEBHOOK_URL, WEBHOOK_SECRET, WEBHOOK_LOOPBACK } = env;
  // Either name alone may be the seller's own variable for something else.
  if (!WEBHOOK_URL || !(WEBHOOKS || WEBHOOK_SECRET)) return undefined;
  const found = known.get(env);
  if (found) return found;
  if (!WEBHOOKS) throw new ConfigurationError("WEBHOOK_URL needs the Durable Object binding WEBHOOKS");
  if (!WEBHOOK_SECRET) throw new ConfigurationError("WEBHOOK_URL needs the secret WEBHOOK_SECRET");
  const settings = { url: receiverUrl(WEBHOOK_URL, WEBHOOK_LOOPBACK === "on"), keys: keysOf(WEBHOOK_SECRET) };
  known.set(env, settings);
  return settings;
}

function keysOf(secret: string): Uint8Array[] {
  try {
    return webhookKeys(secret);
  } catch (error) {
    throw new ConfigurationError(`WEBHOOK_SECRET ${error instanceof TypeError ? error.message : "is unusable"}`);
  }
}

function receiverUrl(value: string, allowsLoopback: boolean): URL {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url && (url.username || url.password))
    throw new ConfigurationError("WEBHOOK_URL must have no credentials: the signature is the proof");
  const { protocol, hostname } = url ?? { protocol: "", hostname: "" };
  const isLocal = allowsLoopback && (protocol === "http:" || protocol === "https:") && LOOPBACK.test(hostname);
  if (url && (isLocal || (protocol === "https:" && isPublicName(hostname)))) return url;
  throw new ConfigurationError(
    `WEBHOOK_URL must be a public https address with a host name, such as https://shop.example.com/webhooks${
      LOOPBACK.test(hostname) ? "; for a receiver on this machine set WEBHOOK_LOOPBACK to on" : ""
    }`,
  );
}

/** As the URL parser writes them, whatever the form that was typed. */
const LOOPBACK = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;
/** The names of this machine and its network (RFC 6761, RFC 6762, RFC 8375, `.internal` of ICANN), and those of no host. */
const RESERVED = /(^|\.)(localhost|local|internal|arpa|test|invalid|onion)$/;

/**
 * Whether a host may be on the public internet: a name with a dot, and no address. What a name resolves to is not known here; the platform
 * reaches no private network.
 */
function isPublicName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, "");
  return name.includes(".") && !name.startsWith("[") && !/^[0-9.]+$/.test(name) && !RESERVED.test(name);
}
