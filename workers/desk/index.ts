/** The Worker of the hosted desk. */

import { DurableObject } from "cloudflare:workers";
import { DESK_HEADERS } from "../../shared/screen/page-headers.ts";
import { pageFile } from "./page-files.ts";

export class Desk extends DurableObject {}
export class Pairings extends DurableObject {}

export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    return pageFile(pathname) ?? new Response("There is nothing here.\n", { status: 404, headers: DESK_HEADERS });
  },
};
