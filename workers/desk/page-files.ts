/** The files of the page, as `npm run build` puts them into this Worker. */

import { DESK_HEADERS } from "../../shared/screen/page-headers.ts";

/** By name, with what is in them. scripts/build-desk-worker.ts. */
declare const PAGE_FILES: Record<string, string>;

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  webmanifest: "application/manifest+json",
};

/** @returns the file at this path; undefined if the page has none there */
export function pageFile(pathname: string): Response | undefined {
  const name = pathname === "/" ? "index.html" : pathname.slice(1);
  const file = Object.hasOwn(PAGE_FILES, name) ? PAGE_FILES[name] : undefined;
  const type = TYPES[name.split(".").at(-1) ?? ""];
  return file === undefined || type === undefined ? undefined : new Response(file, { headers: { ...DESK_HEADERS, "Content-Type": type } });
}
