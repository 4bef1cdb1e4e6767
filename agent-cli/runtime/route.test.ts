/** Proxies and authorities of the user's environment: real proxies and a real TLS server on this machine. */

import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { CERTIFICATE, KEY } from "../testing/tls.ts";
import { EXIT } from "./exit-codes.ts";
import { proxyNamed } from "./route.ts";

const box = sandbox();
const merchant = await startMerchant();
const ca = box.write("ca.pem", CERTIFICATE);

const shop = https.createServer({ cert: CERTIFICATE, key: KEY }, (request, response) => {
  hosts.push(request.headers.host);
  response.end(`secret ${request.url}`);
});
/** The Host headers that it was sent. */
const hosts: (string | undefined)[] = [];
/** What the proxy was asked for: a tunnel, or a whole URL. Every name leads to this machine. */
const asked: string[] = [];
const credentials: (string | undefined)[] = [];
const proxy = http.createServer((request, response) => {
  asked.push(`${request.method} ${request.url}`);
  credentials.push(request.headers["proxy-authorization"]);
  response.end(`plain ${request.headers.host}`);
});
let refuses = false;
proxy.on("connect", (request, socket: net.Socket) => {
  asked.push(`CONNECT ${request.url}`);
  credentials.push(request.headers["proxy-authorization"]);
  if (refuses) {
    socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    return;
  }
  const onward = net.connect(portOf(shop), "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
  onward.pipe(socket).pipe(onward);
  for (const end of [onward, socket]) end.on("error", () => undefined);
});
for (const server of [shop, proxy]) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
afterAll(() => {
  for (const server of [shop, proxy]) {
    server.closeAllConnections();
    server.close();
  }
});
const portOf = (server: net.Server) => (server.address() as net.AddressInfo).port;
const PROXY = `http://127.0.0.1:${portOf(proxy)}`;
beforeEach(() => {
  asked.length = 0;
  hosts.length = 0;
  credentials.length = 0;
  refuses = false;
});
const get = (url: string, env: Record<string, string>, ...words: string[]) => box.run(["http", "get", "--url", url, ...words], { env });

describe("a proxy", () => {
  test.each(["HTTPS_PROXY", "https_proxy"])(
    "in %s carries https in a tunnel, and sees no more than the name [proxy-tunnel]",
    async (name) => {
      const got = await get("https://shop.example/a?b", { [name]: PROXY, SSL_CERT_FILE: ca });
      expect([got.exit, got.json.data?.["response"]?.body.text]).toEqual([EXIT.ok, "secret /a?b"]);
      expect([asked, hosts]).toEqual([["CONNECT shop.example:443"], ["shop.example"]]);
    },
  );

  test("in HTTP_PROXY is asked for the whole URL, with the host's own name", async () => {
    const got = await get("http://shop.example/a", { HTTP_PROXY: PROXY.replace("//", "//ann:s%20t@") }, "--allow-http");
    expect(got.json.data["response"].body.text).toBe("plain shop.example");
    expect([asked, credentials]).toEqual([["GET http://shop.example/a"], [`Basic ${Buffer.from("ann:s t").toString("base64")}`]]);
  });

  test("that refuses is named, without its password", async () => {
    refuses = true;
    const got = await get("https://shop.example/", { HTTPS_PROXY: PROXY.replace("//", "//ann:secret@"), SSL_CERT_FILE: ca });
    expect([got.exit, got.json.error.message]).toEqual([
      EXIT.network,
      expect.stringContaining(`the proxy ${new URL(PROXY).host} answers 407`),
    ]);
    expect(got.stdout).not.toContain("secret");
  });

  test("is not asked for this machine, nor for what NO_PROXY names", async () => {
    expect((await get(merchant.url, { HTTP_PROXY: PROXY })).json.data["response"].status).toBe(402);
    expect(asked).toEqual([]);
    const named = (url: string, env: Record<string, string>) => proxyNamed(new URL(url), env)?.variable;
    const env = { HTTPS_PROXY: PROXY, http_proxy: PROXY };
    expect([named("https://shop.example", env), named("http://shop.example", env)]).toEqual(["HTTPS_PROXY", "http_proxy"]);
    for (const url of ["http://localhost:1", "http://a.localhost", "https://127.9.9.9", "https://[::1]"])
      expect(named(url, env)).toBeUndefined();
    const excepted = (NO_PROXY: string, url: string) => named(url, { ...env, NO_PROXY }) === undefined;
    for (const list of ["*", "shop.example", ".example", "*.example", "a.b, shop.example", "shop.example:443", "SHOP.example"])
      expect([list, excepted(list, "https://shop.example")]).toEqual([list, true]);
    for (const list of ["", "op.example", "shop.example:8443", "shop.example.com", "example.shop"])
      expect([list, excepted(list, "https://shop.example")]).toEqual([list, false]);
    expect([excepted("10.0.0.1", "https://10.0.0.1"), excepted("[2001:db8::1]:443", "https://[2001:db8::1]")]).toEqual([true, true]);
  });

  test("does not lead around the egress policy: a literal address is judged before the proxy is asked", async () => {
    const got = await get("http://10.0.0.1/", { HTTP_PROXY: PROXY }, "--allow-http");
    expect([got.json.error.code, asked]).toEqual(["egress_denied", []]);
  });
});

describe("SSL_CERT_FILE", () => {
  test("adds authorities, and a server without one is refused", async () => {
    const got = await get("https://shop.example/", { HTTPS_PROXY: PROXY });
    expect([got.exit, got.json.error.code]).toEqual([EXIT.network, "certificate_refused"]);
    expect((await get("https://other.example/", { HTTPS_PROXY: PROXY, SSL_CERT_FILE: ca })).exit).toBe(EXIT.network);
  });

  test("that cannot be read is said, and nothing is sent", async () => {
    const got = await get("https://shop.example/", { HTTPS_PROXY: PROXY, SSL_CERT_FILE: box.path("none.pem") });
    expect([got.exit, got.json.error.code, asked]).toEqual([EXIT.usage, "invalid_file", []]);
    expect(got.json.error.message).toContain("SSL_CERT_FILE");
  });
});

test("doctor names proxies and authorities, and what a proxy decides [doctor-network]", async () => {
  const checked = async (env: Record<string, string>) => {
    const { json } = await box.run("doctor", { env });
    const { checks } = (json.ok ? json.data : json.error.details) as { checks: { check: string; verdict: string; detail: string }[] };
    return checks.find(({ check }) => check === "network");
  };
  expect(await checked({})).toMatchObject({ verdict: "good" });
  const behind = await checked({ HTTPS_PROXY: PROXY.replace("//", "//ann:secret@"), NO_PROXY: ".corp.example", SSL_CERT_FILE: ca });
  expect(behind).toMatchObject({ verdict: "note" });
  for (const part of [`HTTPS_PROXY is ${new URL(PROXY).host}`, "decides the address", "not for .corp.example", `SSL_CERT_FILE is ${ca}`])
    expect(behind?.detail).toContain(part);
  expect(behind?.detail).not.toContain("secret");
  expect(await checked({ SSL_CERT_FILE: box.path("none.pem") })).toMatchObject({ verdict: "bad" });
});
