/**
 * Which addresses an agent's commands may reach: public ones, the configured facilitator and desk, and origins that the owner has
 * opened by name. An agent does what it reads tells it to; without this, a web page could use the wallet to speak to the services of this
 * machine and of its network. The address of each connection is judged after its name was resolved, so that no name can hide it.
 */

import * as dns from "node:dns";
import * as net from "node:net";
import type { Config } from "./config.ts";
import { fail, type Failure } from "./outcome.ts";

export interface Egress {
  /** Exact origins on this machine, and on private networks. */
  loopback: readonly string[];
  private: readonly string[];
  /** The origins of the configured facilitator and desk, which are always open. */
  configured: readonly string[];
  /** The configuration file, for messages. */
  file: string;
}

export type AddressKind = "public" | "loopback" | "private";

const loopback = blockList(["127.0.0.0/8"], ["::1/128"]);

/** Every address that is not assigned to one host of the public internet (IANA's special-purpose registries, multicast included). */
const special = blockList(
  [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10", // carrier-grade NAT
    "169.254.0.0/16", // link-local, with the metadata services of clouds
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4", // multicast
    "240.0.0.0/4",
  ],
  ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
);
const globalUnicast = blockList([], ["2000::/3"]);
/** IPv6 forms of an IPv4 address: mapped (RFC 4291), compatible, and behind NAT64 (RFC 6052). */
const embedding = blockList([], ["::ffff:0:0/96", "::/96", "64:ff9b::/96"]);

export function addressKind(address: string): AddressKind {
  const [plain = ""] = address.split("%"); // without the zone of a link-local address
  if (net.isIPv4(plain)) return loopback.check(plain) ? "loopback" : special.check(plain) ? "private" : "public";
  if (!net.isIPv6(plain)) return "private";
  if (loopback.check(plain, "ipv6")) return "loopback";
  if (embedding.check(plain, "ipv6")) return addressKind(lastFourBytes(plain));
  return globalUnicast.check(plain, "ipv6") && !special.check(plain, "ipv6") ? "public" : "private";
}

/** @throws {EgressDenied} if this origin may not be reached at an address of this kind */
export function admit(egress: Egress, origin: string, address: string): void {
  const kind = addressKind(address);
  const open = kind === "public" || egress.configured.includes(origin) || egress[kind].includes(origin);
  if (!open) throw new EgressDenied(egress, origin, address, kind);
}

export class EgressDenied extends Error {
  readonly failure: Failure;

  constructor({ file }: Egress, origin: string, address: string, kind: "loopback" | "private") {
    const where = kind === "loopback" ? "on this machine" : "not on the public internet";
    const message = `${origin} is ${where} (${address}), and the owner has not opened it to agents`;
    super(message);
    this.failure = fail("egress_denied", `${message}. Nothing was sent.`, {
      hint: `Its owner may run: lez-agent-pay config allow ${origin}${kind === "private" ? " --private" : ""}`,
      details: { origin, address, configuration: file, member: { egress: { [kind]: [origin] } } },
    });
  }
}

/** Resolves a name to those of its addresses that are open; the connection is made to one of them. */
export function lookupWithin(egress: Egress, origin: string): net.LookupFunction {
  return (hostname, options, done) => {
    dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return done(error, "", 0);
      const open: dns.LookupAddress[] = [];
      let denied: EgressDenied | undefined;
      for (const found of addresses) {
        try {
          admit(egress, origin, found.address);
          open.push(found);
        } catch (refused) {
          if (!(refused instanceof EgressDenied)) throw refused;
          denied ??= refused;
        }
      }
      const [first] = open;
      if (!first) return done(denied ?? new Error("it has no address"), "", 0);
      return options.all ? done(null, open) : done(null, first.address, first.family);
    });
  };
}

/** The policy of a configuration. */
export function egressOf({ egress, desk, sequencers, file }: Config, facilitatorUrl: string): Egress {
  const addresses = [facilitatorUrl, desk, ...Object.values(sequencers)];
  const configured = addresses.flatMap((url) => (url !== undefined && URL.canParse(url) ? [new URL(url).origin] : []));
  return { loopback: egress.loopback, private: egress.private, configured, file };
}

function blockList(ipv4: readonly string[], ipv6: readonly string[]): net.BlockList {
  const list = new net.BlockList();
  const add = (family: "ipv4" | "ipv6") => (subnet: string) => {
    const [address = "", bits] = subnet.split("/");
    list.addSubnet(address, Number(bits), family);
  };
  ipv4.forEach(add("ipv4"));
  ipv6.forEach(add("ipv6"));
  return list;
}

/** As dotted IPv4. The URL parser writes the canonical hexadecimal form. */
function lastFourBytes(ipv6: string): string {
  const { hostname } = new URL(`http://[${ipv6}]/`);
  const groups = hostname.slice(1, -1).split("::").join(":0:0:").split(":").slice(-2);
  const [high = 0, low = 0] = groups.map((group) => Number.parseInt(group || "0", 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
