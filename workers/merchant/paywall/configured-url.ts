/** An address from the Worker's variables. */
import { ConfigurationError } from "../../../shared/configuration-error.ts";

/** @throws {ConfigurationError} for what is none. Without a scheme "host:port" would be a URL as well, of a scheme "host". */
export function configuredUrl(name: string, value: string): URL {
  if (/^https?:\/\//i.test(value) && URL.canParse(value)) return new URL(value);
  throw new ConfigurationError(`${name} must be an address, as https://shop.example.com`);
}
