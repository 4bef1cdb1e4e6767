/** The explorer's files, as `npm run build` puts them into this Worker. It has no address of its own: the facilitator asks it. */

import { EXPLORER_PATH } from "../../shared/explorer/path.ts";
import { PAGE_HEADERS } from "../../shared/screen/page-headers.ts";

/** By name, with what is in them. scripts/build-explorer.ts. */
declare const PAGE_FILES: Record<string, string>;

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

export default {
  fetch(request: Request): Response {
    const { pathname } = new URL(request.url);
    const name = pathname === EXPLORER_PATH ? "index.html" : pathname.slice(EXPLORER_PATH.length);
    const file = pathname.startsWith(EXPLORER_PATH) && Object.hasOwn(PAGE_FILES, name) ? PAGE_FILES[name] : undefined;
    const type = TYPES[name.split(".").at(-1) ?? ""];
    if (file === undefined || type === undefined) return new Response("There is no such file.\n", { status: 404, headers: PAGE_HEADERS });
    return new Response(file, { headers: { ...PAGE_HEADERS, "Content-Type": type } });
  },
};
