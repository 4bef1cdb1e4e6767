/** The hosted desk over HTTP: the page's files, the calls of the page, the signed calls of agents. spec/desk.md. */

import { AGENT_PATH, PAIRINGS_PATH } from "../../shared/desk/agent-api.ts";
import { API_PATH } from "../../shared/desk/api.ts";
import { refused } from "../../shared/desk/codes.ts";
import { logEvent } from "../../shared/log.ts";
import { namesOneHost } from "../../shared/x402/host.ts";
import { answerAgentCall } from "./agent-routes.ts";
import { refusalResponse } from "./answers.ts";
import { pageFile } from "./page-files.ts";
import { answerPageCall } from "./page-routes.ts";
import type { WorkerEnv } from "./worker-env.ts";

export { Desk } from "./desk.ts";
export { Pairings } from "./pairings.ts";

export default {
  async fetch(request: Request, env: WorkerEnv): Promise<Response> {
    // First: the address of a request to two hosts is none.
    if (!namesOneHost(request.headers)) return refusalResponse(refused("usage", "Host: must be named once."));
    const { pathname } = new URL(request.url);
    try {
      if (pathname.startsWith(API_PATH)) return await answerPageCall(request, env);
      if (pathname.startsWith(AGENT_PATH) || pathname.startsWith(PAIRINGS_PATH)) return await answerAgentCall(request, env);
      const file = pageFile(pathname);
      if (!file) return refusalResponse(refused("not_found"));
      const isRead = request.method === "GET" || request.method === "HEAD";
      return isRead ? file : refusalResponse(refused("desk_refused", "A page is only read."), 405);
    } catch (error) {
      // A bug, or an object that cannot be reached. Its text goes to the log alone.
      logEvent("desk.failed", { traceId: "", path: pathname.split("/").slice(0, 3).join("/"), message: String(error) });
      return refusalResponse(refused("internal_error", "The desk failed.", "Try again: what was signed counts once."));
    }
  },
};
