/** Serves the built explorer with the fixed books of one account in place of a facilitator's, to a browser on this machine. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { EXPLORER_PAGE } from "../../scripts/build-explorer.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { EXPLORER_PATH } from "../../shared/explorer/path.ts";
import { PAGE_HEADERS } from "../../shared/screen/page-headers.ts";
import { booksOf, chainOf, fittingBooks } from "../paywall/seller-books.ts";
import type { Sales } from "../paywall/seller-register.ts";

const TYPES: Record<string, string> = { html: "text/html", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };

/** @param sales of the account, which its journal has */
export async function serveExplorer(sales: Sales): Promise<{ url: string; close(): Promise<void> }> {
  const books = booksOf(chainOf(fittingBooks(sales)));
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://localhost");
    for (const [name, value] of Object.entries(PAGE_HEADERS)) response.setHeader(name, value);
    if (url.pathname.startsWith(EXPLORER_PATH)) {
      const name = url.pathname.slice(EXPLORER_PATH.length) || "index.html";
      response.setHeader("Content-Type", `${TYPES[name.split(".").at(-1) ?? ""]}; charset=utf-8`);
      response.end(readFileSync(join(EXPLORER_PAGE, name)));
      return;
    }
    void books.answer(new Request(url)).then(async (answer) => response.writeHead(answer.status).end(await answer.text()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}${EXPLORER_PATH}#/account/${DEMO_MERCHANT_ACCOUNT}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
