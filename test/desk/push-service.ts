/**
 * A push service with its browsers, and a receiver of webhooks, on loopback. It takes a push as a real one does: only with a token of the
 * key that the browser subscribed with, for this service, and sealed for that browser. What is wrong is in `problems`.
 */

import { createECDH, type ECDH, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { decryptPush, verifyVapid } from "./push-reader.ts";

export interface Arrived {
  /** Of a push: what the browser reads. */
  title: string;
  text: string;
  path: string;
  tag: string;
}

export interface Posted {
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

/** `hangs` never answers. `redirects` points to `/elsewhere`. */
export type Behaviour = "takes" | "hangs" | "redirects" | number;

export class PushService {
  /** `127.0.0.1:4021`, for PUSH_TEST_HOST. */
  readonly host: string;
  readonly problems: string[] = [];
  /** What was posted to paths of no browser. */
  readonly posted: Posted[] = [];
  behave: Behaviour = "takes";
  readonly #browsers = new Map<string, TestBrowser>();
  readonly #server;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => void this.#take(request, response));
  }

  static async start(): Promise<PushService> {
    const server = createServer().listen(0, "127.0.0.1").unref();
    await once(server, "listening");
    return new PushService(server);
  }

  /** @param applicationServerKey base64url, as the desk names it */
  subscribe(applicationServerKey: string): TestBrowser {
    const browser = new TestBrowser(this.host, applicationServerKey);
    this.#browsers.set(browser.path, browser);
    return browser;
  }

  url(path: string): string {
    return `http://${this.host}${path}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { url: path = "", headers } = request;
    const browser = this.#browsers.get(path);
    if (!browser) this.posted.push({ path, headers, body: body.toString("utf8") });
    if (this.behave === "hangs") return;
    if (this.behave === "redirects") return void response.writeHead(307, { Location: this.url("/elsewhere") }).end();
    if (typeof this.behave === "number") return void response.writeHead(this.behave).end();
    const problem = browser?.take(headers, body);
    if (problem) this.problems.push(problem);
    response.writeHead(problem ? 403 : 201).end();
  }
}

export class TestBrowser {
  readonly path = `/push/${randomBytes(12).toString("base64url")}`;
  readonly arrived: Arrived[] = [];
  readonly subscription: { endpoint: string; keys: { p256dh: string; auth: string } };
  readonly #key: string;
  readonly #host: string;
  readonly #own: ECDH = createECDH("prime256v1");
  readonly #auth = randomBytes(16);

  constructor(host: string, applicationServerKey: string) {
    this.#host = host;
    this.#key = applicationServerKey;
    const p256dh = this.#own.generateKeys("base64url");
    this.subscription = { endpoint: `http://${host}${this.path}`, keys: { p256dh, auth: this.#auth.toString("base64url") } };
  }

  /** @returns why a push service or a browser refuses it */
  take(headers: IncomingMessage["headers"], body: Buffer): string | undefined {
    try {
      const { publicKey, claims } = verifyVapid(headers.authorization ?? "");
      const left = Number(claims["exp"]) - Date.now() / 1000;
      if (publicKey !== this.#key) return "the key is not the one of the subscription";
      if (claims["aud"] !== `http://${this.#host}`) return "the token is for another service";
      if (!(left > 0 && left <= 24 * 3600)) return "the token is too old, or is good for too long";
      if (headers["content-encoding"] !== "aes128gcm") return "the encoding is another";
      if (!/^[0-9]+$/.test(String(headers["ttl"]))) return "there is no TTL";
      if (!/^[A-Za-z0-9_-]{1,32}$/.test(String(headers["topic"]))) return "the topic is none";
      this.arrived.push(JSON.parse(decryptPush(body, { privateKey: this.#own.getPrivateKey(), auth: this.#auth })) as Arrived);
      return undefined;
    } catch (error) {
      return String(error);
    }
  }
}

/** A key for the secret PUSH_KEY, as docs/desk-hosted.md makes it. */
export async function newPushKey(): Promise<string> {
  const { privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign"]);
  return JSON.stringify(await crypto.subtle.exportKey("jwk", privateKey));
}
