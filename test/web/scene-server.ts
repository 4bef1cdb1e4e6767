/** Serves the built page as the desk does, with the answers of a scene in place of a desk. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { readAssets } from "../../agent-cli/desk/assets.ts";
import { API_PATH, type CallName } from "../../shared/desk/api.ts";
import { PAGE_HEADERS } from "../../shared/screen/page-headers.ts";
import { failed, type Scene } from "./scenes.ts";

const HELD_MILLIS = 50;

export interface SceneServer {
  link: string;
  origin: string;
  /** May be changed at any time. */
  scene: Scene;
  /** The calls that came, with what was asked. */
  calls: { name: string; ask: Record<string, unknown> }[];
  /** Answers nothing: as a desk that has ended. */
  away: boolean;
  /** Answers no call until this is false again. */
  held: boolean;
  close(): Promise<void>;
}

export async function serveScene(scene: Scene): Promise<SceneServer> {
  const assets = readAssets();
  if (!assets.ok) throw new Error(assets.error.message);
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value);
    const path = request.url ?? "";
    const asset = assets.data.get(path);
    if (asset) response.writeHead(200, { "Content-Type": asset.type }).end(asset.content);
    else if (path.startsWith(API_PATH)) void answer(served, path.slice(API_PATH.length), request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const served: SceneServer = {
    origin,
    link: `${origin}/#${"ab".repeat(32)}`,
    scene,
    calls: [],
    away: false,
    held: false,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return served;
}

async function answer(served: SceneServer, name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const ask = JSON.parse(await text(request)) as Record<string, unknown>;
  if (served.away) {
    response.destroy();
    return;
  }
  while (served.held) await sleep(HELD_MILLIS);
  served.calls.push({ name, ask });
  const found = served.scene[name as CallName] as ((ask: unknown) => { ok: boolean }) | undefined;
  const outcome = found?.(ask) ?? failed("internal", `The scene has no ${name}.`);
  response.writeHead(outcome.ok ? 200 : 422, { "Content-Type": "application/json" }).end(JSON.stringify(outcome));
}
