/** Where webhooks go and what signs them, from the Worker's bindings. */

import { ConfigurationError } from "../../../../shared/configuration-error.ts";
import { isLoopbackName, isPublicName } from "../../../../shared/text/public-name.ts";
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
  const isLocal = allowsLoopback && (protocol === "http:" || protocol === "https:") && isLoopbackName(hostname);
  if (url && (isLocal || (protocol === "https:" && isPublicName(hostname)))) return url;
  throw new ConfigurationError(
    `WEBHOOK_URL must be a public https address with a host name, such as https://shop.example.com/webhooks${
      isLoopbackName(hostname) ? "; for a receiver on this machine set WEBHOOK_LOOPBACK to on" : ""
    }`,
  );
}
