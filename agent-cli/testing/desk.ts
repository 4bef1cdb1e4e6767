/** The desk of a sandbox, in this process, and calls as its page makes them. */

import { request } from "node:http";
import { PassThrough } from "node:stream";
import type { Answer, Answered, Ask, CallName } from "../../shared/desk/api.ts";
import { main } from "../main.ts";
import type { Sandbox } from "./cli.ts";

export interface TestDesk {
  link: string;
  origin: string;
  token: string;
  port: number;
  call<Name extends CallName>(name: Name, ask: Ask<Name>): Promise<Answered<Answer<Name>>>;
  /** Any request to the desk; what is not given is as the page sends it. */
  send(options: SendOptions): Promise<Sent>;
  /** As Ctrl-C does. @returns the exit code */
  stop(): Promise<number>;
}

interface SendOptions {
  method?: string;
  path?: string;
  /** null: without it. */
  headers?: Record<string, string | null>;
  body?: string;
}

export interface Sent {
  status: number;
  headers: NodeJS.Dict<string | string[]>;
  text: string;
}

export async function startDesk(box: Sandbox, words: readonly string[] = []): Promise<TestDesk> {
  const stopping = new AbortController();
  const stdout = new PassThrough();
  const ended = main(["desk", "--port", "0", ...words], {
    stdin: Object.assign(new PassThrough(), { isTTY: false }),
    stdout,
    stderr: new PassThrough().resume(),
    env: box.env,
    cwd: box.directory,
    accountHome: box.path("account"),
    signal: stopping.signal,
  });
  const line = await Promise.race([
    new Promise<string>((resolve) => stdout.once("data", (chunk: Buffer) => resolve(chunk.toString()))),
    ended.then((exit) => Promise.reject(new Error(`the desk ended with ${exit}: ${String(stdout.read())}`))),
  ]);
  const { link } = JSON.parse(line) as { link: string };
  const { origin, hash, port } = new URL(link);
  const desk: TestDesk = {
    link,
    origin,
    token: hash.slice(1),
    port: Number(port),
    async call(name, ask) {
      const { text } = await desk.send({ path: `/api/${name}`, body: JSON.stringify(ask) });
      return JSON.parse(text) as never;
    },
    send({ method = "POST", path = "/api/state", headers = {}, body = "{}" }) {
      const usual = { host: `localhost:${port}`, origin, authorization: `Bearer ${desk.token}`, "content-type": "application/json" };
      const sent = Object.entries({ ...usual, ...headers }).filter((header): header is [string, string] => header[1] !== null);
      return new Promise((resolve, reject) => {
        const asked = request({ host: "127.0.0.1", port, method, path, headers: Object.fromEntries(sent), setHost: false }, (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => (text += chunk.toString()));
          response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
        });
        asked.on("error", reject);
        asked.end(method === "GET" || method === "HEAD" ? undefined : body);
      });
    },
    stop() {
      stopping.abort();
      return ended;
    },
  };
  return desk;
}
