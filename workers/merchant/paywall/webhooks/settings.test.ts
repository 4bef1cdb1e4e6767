/** Which addresses and secrets webhooks are sent to and signed with, and what is refused. */

import { describe, expect, test } from "vitest";
import type { PaywallBindings } from "../types.ts";
import { webhookSettings } from "./settings.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const WEBHOOKS = { getByName: () => ({}) };

describe("webhooks are sent to public https addresses, and signed", () => {
  const settings = (values: Partial<PaywallBindings>) => () =>
    webhookSettings({ WEBHOOKS, WEBHOOK_SECRET: SECRET, WEBHOOK_URL: "https://books.example.com/", ...values });

  test.each<[what: string, values: Partial<PaywallBindings>, says: string]>([
    ["no binding", { WEBHOOKS: undefined as never }, "the Durable Object binding WEBHOOKS"],
    ["no secret", { WEBHOOK_SECRET: "" }, "the secret WEBHOOK_SECRET"],
    ["three secrets", { WEBHOOK_SECRET: `${SECRET} ${SECRET} ${SECRET}` }, "two such"],
    ["credentials", { WEBHOOK_URL: "https://me:pass@books.example.com/" }, "no credentials"],
    ["no address", { WEBHOOK_URL: "books.example.com" }, "public https address"],
  ])("%s", (_what, values, says) => expect(settings(values)).toThrow(says));

  // Each form of an address in a URL, names of this machine and its network, and other protocols.
  const NO_RECEIVERS = `
    http://books.example.com/ ftp://books.example.com/ https://localhost/ https://localhost./ https://a.localhost/
    https://127.0.0.1/ https://127.1/ https://0x7f000001/ https://2130706433/ https://0177.0.0.1/
    https://[::1]/ https://10.1.2.3/ https://192.168.0.1/ https://169.254.169.254/ https://[fd00::1]/
    https://[::ffff:127.0.0.1]/ https://8.8.8.8/ https://printer.local/ https://books.internal/ https://router.home.arpa/
    https://books/ https://1.2.3.4./
  `;
  test.each(NO_RECEIVERS.trim().split(/\s+/))("%s is no receiver [webhook-public-only]", (url) =>
    expect(settings({ WEBHOOK_URL: url })).toThrow("WEBHOOK_URL must be"),
  );

  test("one on this machine takes a switch, which opens nothing else", () => {
    const open = (url: string) => settings({ WEBHOOK_URL: url, WEBHOOK_LOOPBACK: "on" });
    for (const url of ["http://127.0.0.1:8791/hooks", "http://localhost/", "https://[::1]/"]) expect(open(url)()?.url.href).toBe(url);
    for (const url of ["http://10.0.0.1/", "http://books.example.com/", "https://books/"]) expect(open(url)).toThrow("WEBHOOK_URL");
    expect(settings({ WEBHOOK_URL: "http://localhost/" })).toThrow("WEBHOOK_LOOPBACK");
  });

  test("a name of the seller's own for something else is left alone", () => {
    for (const values of [{ WEBHOOK_SECRET: "" }, { WEBHOOK_URL: "" }]) {
      expect(settings({ WEBHOOKS: undefined as never, ...values })()).toBeUndefined();
    }
  });
});
