/**
 * How a request reaches its server: directly, or through the proxy that the user's environment names; and which authorities may
 * vouch for the server, those of SSL_CERT_FILE included. Node's own switch for proxies came with 24.5 and sees neither our egress
 * policy nor whether a request has left, so the CLI has its own on every Node.
 */

import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { isIP, type Socket } from "node:net";
import * as tls from "node:tls";
import { addressKind } from "./egress.ts";
import { readBytes } from "./files.ts";
import type { Io } from "./io.ts";
import { MAX_AUTHORITIES_BYTES } from "./limits.ts";
import { fail, type Outcome, succeed } from "./outcome.ts";

type Env = Io["env"];

export interface Route {
  /** Absent: directly. */
  proxy?: URL;
  /** Certificates of authorities, in PEM. Absent: Node's own. */
  ca?: string[];
}

export function routeFor(url: URL, env: Env): Outcome<Route> {
  const ca = authorities(env);
  if (!ca.ok) return ca;
  const named = proxyNamed(url, env);
  if (named === undefined) return succeed({ ...(ca.data && { ca: ca.data }) });
  const proxy = URL.canParse(named.value) ? new URL(named.value) : undefined;
  if (proxy?.protocol !== "http:" && proxy?.protocol !== "https:") {
    return fail("usage", `${named.variable} does not name a proxy.`, { hint: "For example: http://proxy.example.com:3128" });
  }
  return succeed({ proxy, ...(ca.data && { ca: ca.data }) });
}

/** The variable that names a proxy for this URL, and its value. Lowercase variables win, as with curl. */
export function proxyNamed(url: URL, env: Env): { variable: string; value: string } | undefined {
  if (isThisMachine(url) || isExcepted(url, env["no_proxy"] || env["NO_PROXY"] || "")) return undefined;
  const lower = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  for (const variable of [lower, lower.toUpperCase()]) {
    const value = env[variable];
    if (value) return { variable, value: value.includes("://") ? value : `http://${value}` };
  }
  return undefined;
}

/** This machine has no other way to itself. */
function isThisMachine({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return host === "localhost" || host.endsWith(".localhost") || (isIP(host) !== 0 && addressKind(host) === "loopback");
}

/** NO_PROXY: `*`, or hosts with their subdomains, each with a port if it has one; a leading dot or `*.` changes nothing. */
function isExcepted({ hostname, port, protocol }: URL, list: string): boolean {
  const used = port || (protocol === "https:" ? "443" : "80");
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === "*") return true;
    const [, name = "", only] = /^(?:\*?\.)?(\[[^\]]*\]|[^:]*|[0-9a-f:]*)(?::([0-9]+))?$/i.exec(entry) ?? [];
    const host = name.replace(/^\[|\]$/g, "").toLowerCase();
    const own = hostname.replace(/^\[|\]$/g, "");
    return host !== "" && (own === host || own.endsWith(`.${host}`)) && (only === undefined || only === used);
  });
}

/** Node's authorities and those of SSL_CERT_FILE; undefined if that names no file. */
function authorities(env: Env): Outcome<string[] | undefined> {
  const file = env["SSL_CERT_FILE"];
  if (!file) return succeed(undefined);
  const read = readBytes(targetOf(file), { what: "file that SSL_CERT_FILE names", maxBytes: MAX_AUTHORITIES_BYTES });
  if (!read.ok) return read;
  // `default` has those of NODE_EXTRA_CA_CERTS, too; it came with Node 22.15.
  const usual = tls.getCACertificates?.("default") ?? tls.rootCertificates;
  return succeed([...usual, Buffer.from(read.data).toString("utf8")]);
}

/** A system's bundle is often a link. */
function targetOf(file: string): string {
  try {
    return fs.realpathSync(file);
  } catch {
    return file;
  }
}

/**
 * Begins a request over a connection of its own.
 * @param onReached called when there is a connection over which the request is going to be sent
 */
export function begin(
  url: URL,
  { proxy, ca }: Route,
  options: Omit<https.RequestOptions, "headers"> & { headers: Record<string, string | number> },
  onReached: () => void,
): http.ClientRequest {
  const secure = url.protocol === "https:";
  const trusting = { ...options, ...(ca && { ca }) };
  if (!proxy) {
    // A new connection: a kept one could close under the request and hide whether the server read it.
    const outgoing = (secure ? https : http).request(url, { ...trusting, agent: false });
    outgoing.on("socket", (socket) => socket.once(secure ? "secureConnect" : "connect", onReached));
    return outgoing;
  }
  if (secure) {
    const createConnection = (_: unknown, done: (error: Error | null, socket?: Socket) => void) => {
      tunnel(proxy, url, trusting, (error, socket) => {
        if (socket) onReached();
        done(error, socket);
      });
      return undefined;
    };
    // Node takes the default port from an agent, and without one names port 80 in Host.
    return https.request(url, { ...trusting, defaultPort: 443, createConnection: createConnection as never });
  }
  const { protocol, hostname, port } = proxy;
  const headers = { ...options.headers, host: url.host, ...authorization(proxy) };
  const outgoing = (protocol === "https:" ? https : http).request({
    ...trusting,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port,
    path: url.href,
    headers,
    agent: false,
  });
  outgoing.on("socket", (socket) => socket.once(protocol === "https:" ? "secureConnect" : "connect", onReached));
  return outgoing;
}

/** A failure on the way to the proxy of a tunnel. */
class ProxyError extends Error {
  readonly code: string | undefined;
  readonly host: string;

  constructor({ host }: URL, cause: Error & { code?: string }) {
    super(cause.message, { cause });
    this.code = cause.code;
    this.host = host;
  }
}

/** The host with which a TLS connection failed: the server, or the proxy in front of it. */
export function peerOf(error: Error, url: URL, { proxy }: Route): string {
  if (error instanceof ProxyError) return error.host;
  return proxy && url.protocol === "http:" ? proxy.host : url.host;
}

/** A TLS connection to the server through a CONNECT proxy (RFC 9110 §9.3.6). The proxy sees the server's name and port, no more. */
function tunnel(
  proxy: URL,
  url: URL,
  { signal, ca }: Pick<https.RequestOptions, "signal" | "ca">,
  done: (error: Error | null, socket?: Socket) => void,
): void {
  const target = `${url.hostname}:${url.port || 443}`;
  const asked = (proxy.protocol === "https:" ? https : http).request({
    hostname: proxy.hostname.replace(/^\[|\]$/g, ""),
    port: proxy.port,
    method: "CONNECT",
    path: target,
    headers: { host: target, ...authorization(proxy) },
    agent: false,
    ...(signal && { signal }),
    ...(ca && { ca }),
  });
  asked.on("error", (error) => done(new ProxyError(proxy, error)));
  asked.on("response", ({ statusCode }) => {
    asked.destroy();
    done(new Error(`the proxy ${proxy.host} answers ${statusCode}`));
  });
  asked.on("connect", ({ statusCode }, plain: Socket) => {
    if (statusCode !== 200) {
      plain.destroy();
      return done(new Error(`the proxy ${proxy.host} answers ${statusCode}`));
    }
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const socket = tls.connect({ socket: plain, host, ...(!isIP(host) && { servername: host }), ...(ca && { ca }) });
    socket.once("error", done);
    socket.once("secureConnect", () => {
      socket.off("error", done);
      done(null, socket);
    });
  });
  asked.end();
}

function authorization({ username, password }: URL): Record<string, string> {
  if (!username && !password) return {};
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(plain).toString("base64")}` };
}
