/** The owner's desk: a page on loopback, and the calls of that page, until a signal. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import * as z from "zod";
import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import { API_PATH } from "../../shared/desk/api.ts";
import { PAGE_HEADERS } from "../../shared/screen/page-headers.ts";
import type { CommandContext, ProgramContext } from "../command-line/command.ts";
import type { FacilitatorInput } from "../facilitator/client.ts";
import type { FoundKey } from "../keys/key-file.ts";
import { secretOf } from "../prompts/passphrase.ts";
import { contextFor } from "../runtime/context.ts";
import { DESK_FINISH_SECONDS, DESK_REQUEST_SECONDS, MAX_DESK_BODY_BYTES, MAX_PASSPHRASE_BYTES } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";
import { type Asset, readAssets } from "./assets.ts";
import { CALLS } from "./calls.ts";
import { callRefusal, type Door, hostRefusal, type Refusal, refused } from "./gate.ts";
import { Readings } from "./readings.ts";

export interface OpenDesk {
  /** With the token in its fragment, which browsers send to no server. */
  link: string;
  /** Lets calls under way finish, then ends. */
  close: () => Promise<void>;
}

interface DeskInput {
  port: number;
  owner: FoundKey;
  facilitator: FacilitatorInput;
}

/** Both loopback addresses, or none: a browser asks `localhost` at either, and another program must not answer with the token. */
const ADDRESSES = ["127.0.0.1", "::1"] as const;

export async function openDesk(context: CommandContext, input: DeskInput): Promise<Outcome<OpenDesk>> {
  const assets = readAssets();
  if (!assets.ok) return assets;
  const token = bytesToHex(randomBytes(32));
  const desk = { context, input, assets: assets.data, readings: new Readings(), door: { host: "", token }, oneByOne: queue() };
  const servers: Server[] = [];
  const close = async () => {
    await Promise.all(servers.map(closeServer));
  };
  let { port } = input;
  for (const address of ADDRESSES) {
    const server = createServer((request, response) => void handle(desk, request, response));
    server.requestTimeout = DESK_REQUEST_SECONDS * 1000;
    const listening = await listen(server, address, port);
    if (listening === "absent" && address === "::1") continue; // a machine without IPv6
    if (typeof listening === "string") {
      await close();
      return fail("port_in_use", `Port ${port} of this machine cannot be opened: another program listens there, or may alone.`, {
        hint: "Name another one: lez-agent-pay desk --port 0 takes any that is free.",
      });
    }
    servers.push(server);
    port = listening;
  }
  desk.door.host = `localhost:${port}`;
  return succeed({ link: `http://${desk.door.host}/#${token}`, close });
}

/** @returns the port; `taken`, or `absent` if the machine has no such address */
function listen(server: Server, host: string, port: number): Promise<number | "taken" | "absent"> {
  const { promise, resolve } = Promise.withResolvers<number | "taken" | "absent">();
  server.once("error", ({ code }: NodeJS.ErrnoException) =>
    resolve(code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT" ? "absent" : "taken"),
  );
  server.listen({ host, port, exclusive: true }, () => {
    const address = server.address();
    resolve(typeof address === "object" && address ? address.port : port);
  });
  return promise;
}

async function closeServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), DESK_FINISH_SECONDS * 1000);
  await promise;
  clearTimeout(late);
}

interface ServedDesk {
  context: CommandContext;
  input: DeskInput;
  assets: ReadonlyMap<string, Asset>;
  readings: Readings;
  door: Door;
  /** Calls that open the key: each takes 128 MiB for half a second. */
  oneByOne: <Data>(run: () => Promise<Data>) => Promise<Data>;
}

/** Runs what it is given one after another, whether or not one before it failed. */
function queue(): ServedDesk["oneByOne"] {
  let last: Promise<unknown> = Promise.resolve();
  return (run) => {
    const next = last.then(run);
    last = next.catch(() => undefined);
    return next;
  };
}

async function handle(desk: ServedDesk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    await answer(desk, request, response);
  } catch (error) {
    // A bug, which the page is told, or a client that left.
    if (!response.headersSent)
      sendOutcome(response, 500, fail("internal", `Internal error: ${error instanceof Error ? error.message : ""}`));
    else response.destroy();
  }
}

async function answer(desk: ServedDesk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value);
  const refuse = ({ status, failure }: Refusal) => {
    response.setHeader("Connection", "close");
    sendOutcome(response, status, failure);
  };
  const stranger = hostRefusal(request.headers, desk.door);
  if (stranger) return refuse(stranger);
  const path = request.url ?? "";
  const { method } = request;
  if (!path.startsWith(API_PATH)) {
    const asset = desk.assets.get(path);
    if (!asset) return refuse(refused(404, "The desk has no such page."));
    if (method !== "GET" && method !== "HEAD") return refuse(refused(405, "A page is only read."));
    response.writeHead(200, { "Content-Type": asset.type, "Content-Length": asset.content.length });
    response.end(method === "HEAD" ? undefined : asset.content);
    return;
  }
  if (method !== "POST") return refuse(refused(405, "A call is a POST."));
  const refusal = callRefusal(request.headers, desk.door);
  if (refusal) return refuse(refusal);
  const name = path.slice(API_PATH.length);
  const call = Object.hasOwn(CALLS, name) ? CALLS[name as keyof typeof CALLS] : undefined;
  if (!call) return refuse(refused(404, "The desk has no such call."));
  const body = await bodyOf(request);
  if (!body) return refuse(refused(413, `A call has at most ${MAX_DESK_BODY_BYTES} bytes.`));
  const read = askSchema.safeParse(jsonOf(body));
  body.fill(0);
  if (!read.success) return sendOutcome(response, 400, fail("usage", "The call is not a JSON object with text members."));
  const { passphrase, ...asked } = read.data;
  const ask = call.ask.safeParse(asked);
  if (!ask.success) {
    const [issue] = ask.error.issues;
    return sendOutcome(response, 400, fail("usage", `${issue?.path.join(".") || "The call"}: ${issue?.message ?? "is not understood"}.`));
  }
  const run = () => runCall(desk, passphrase, (own) => call.run(own, ask.data));
  const { outcome, notes } = await (passphrase === undefined ? run() : desk.oneByOne(run));
  if (!outcome.ok) return sendOutcome(response, 422, outcome);
  send(response, 200, { ok: true, data: outcome.data, ...(notes.length > 0 && { notes }) });
}

const askSchema = z.looseObject({ passphrase: z.string().max(MAX_PASSPHRASE_BYTES).optional() });

/** Runs a call with a context of its own. The passphrase, and the key that it opens, are wiped when it is over. */
async function runCall(
  { context, input, readings }: ServedDesk,
  passphrase: string | undefined,
  run: (desk: Parameters<(typeof CALLS)["state"]["run"]>[0]) => unknown,
): Promise<{ outcome: Outcome<unknown>; notes: string[] }> {
  const notes: string[] = [];
  const opened: { wipe(): void }[] = [];
  const secret = passphrase === undefined || passphrase === "" ? undefined : secretOf(passphrase);
  const called: ProgramContext = {
    ...contextFor(context.io, context.argv, true),
    program: context.program,
    interactive: false,
    say: (...lines) => void notes.push(...lines.map((line) => line.replace(/^! /, "")).filter((line) => line !== "")),
    progress: () => undefined,
    ...(secret && { typed: { passphrase: secret, opened: (key) => void opened.push(key) } }),
  };
  called.layout = { ...called.layout, width: NOTE_WIDTH, ink: (_, text) => text };
  try {
    const outcome = (await run({ context: called, readings, ...input })) as Outcome<unknown>;
    return { outcome, notes };
  } finally {
    secret?.wipe();
    for (const key of opened) key.wipe();
  }
}

/** Notes are not wrapped: the page does that. */
const NOTE_WIDTH = 10_000;

/** @returns undefined if it is too large */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to its end all the same: a connection that is cut brings no answer.
    if (size <= MAX_DESK_BODY_BYTES) chunks.push(chunk);
  }
  if (size > MAX_DESK_BODY_BYTES) return undefined;
  const body = Buffer.concat(chunks);
  for (const chunk of chunks) chunk.fill(0);
  return body;
}

function jsonOf(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function sendOutcome(response: ServerResponse, status: number, outcome: Extract<Outcome<unknown>, { ok: false }>): void {
  const { code, message, hint } = outcome.error;
  send(response, status, { ok: false, error: { code, message, ...(hint !== undefined && { hint }) } });
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8" });
  response.end(JSON.stringify(body));
}
