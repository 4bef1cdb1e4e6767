/** A seller's server on this machine, which can be told to behave badly. It verifies what it gets with the official library and with ours. */

import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { Webhook } from "standardwebhooks";
import { CERTIFICATE, KEY } from "../../agent-cli/testing/tls.ts";
import { type WebhookEvent, verifyWebhook } from "../../shared/webhooks/index.ts";

export type Behaviour = "takes" | "fails" | "hangs" | "redirects" | "closes" | "never ends" | "takes and complains";

export interface Arrival {
  id: string;
  event: WebhookEvent;
}

export class Receiver {
  readonly url: string;
  /** Every message, in the order in which it came, repetitions included. */
  readonly arrivals: Arrival[] = [];
  /** Bytes of answers that it could get rid of. */
  written = 0;
  /** Requests that followed a redirect, or could not be verified. */
  readonly problems: string[] = [];
  /** How it treats a message that comes for the `time`th time, from 1. */
  behave: (id: string, time: number) => Behaviour = () => "takes";
  readonly #server: http.Server;
  readonly #secrets: readonly string[];

  /** @param secrets each of which must have signed */
  static async open(secrets: readonly string[], { tls = false } = {}): Promise<Receiver> {
    const server = tls ? https.createServer({ cert: CERTIFICATE, key: KEY }) : http.createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Receiver(server, secrets, `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`);
  }

  private constructor(server: http.Server, secrets: readonly string[], url: string) {
    [this.#server, this.#secrets, this.url] = [server, secrets, url];
    server.on("request", (request, response) => void this.#receive(request, response).catch(() => response.destroy()));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get ids(): string[] {
    return this.arrivals.map(({ id }) => id);
  }

  async #receive(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (request.url !== "/webhooks") this.problems.push(`${request.method} ${request.url}`);
    const id = this.#verified(request, body);
    if (id === undefined) return void response.writeHead(400).end();
    switch (this.behave(id, this.ids.filter((each) => each === id).length)) {
      case "takes":
        return void response.writeHead(204).end();
      case "takes and complains":
        return void response.writeHead(200, { "content-type": "application/json" }).end('{"error":"not booked"}');
      case "fails":
        return void response.writeHead(500).end("broken");
      case "redirects":
        return void response.writeHead(307, { location: "/elsewhere" }).end();
      case "closes":
        return void request.socket.destroy();
      case "hangs":
        return undefined;
      case "never ends":
        response.writeHead(500);
        return pipeline(this.#endless(), response);
    }
  }

  /** Until the other side has had enough. */
  async *#endless(): AsyncGenerator<Buffer> {
    for (const chunk = Buffer.alloc(64 * 1024); ; this.written += chunk.length) yield chunk;
  }

  #verified({ headers }: http.IncomingMessage, body: Buffer): string | undefined {
    try {
      let id: string | undefined;
      for (const secret of this.#secrets) {
        const official = new Webhook(secret).verify(body.toString(), headers as Record<string, string>) as WebhookEvent;
        const ours = verifyWebhook(body, headers, secret);
        if (!ours.ok) throw new Error(ours.code);
        if (JSON.stringify(ours.event) !== JSON.stringify(official)) throw new Error("the two read different events");
        ({ id } = ours);
        if (secret === this.#secrets[0]) this.arrivals.push(ours);
      }
      return id;
    } catch (error) {
      this.problems.push(String(error));
      return undefined;
    }
  }
}
