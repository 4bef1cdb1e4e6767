/** Serves the seller's page over a fixed register, and the books of a ledger, to a browser on this machine. */

import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import type { PaywallEnv } from "../../workers/merchant/paywall/index.ts";
import { sellerPage } from "../../workers/merchant/paywall/seller-page.ts";
import { booksOf, chainOf, fittingBooks, type Posting } from "../paywall/seller-books.ts";
import { registerWith, type Sales, SELLER_KEY } from "../paywall/seller-register.ts";

export const SELLER_CREDENTIALS = { username: "seller", password: SELLER_KEY };

export interface SellerServer {
  url: string;
  /** May be changed at any time. `undefined`: the register does not answer. */
  sales: Sales | undefined;
  /** What the journal has, from now on; undefined: there is no facilitator. */
  journal(postings: readonly Posting[] | undefined): void;
  close(): Promise<void>;
}

/** @param sales the register, which the journal fits */
export async function serveSellerPage(sales: Sales): Promise<SellerServer> {
  const app = new Hono<PaywallEnv>();
  app.route("/seller", sellerPage());
  let books: ReturnType<typeof booksOf> | undefined = booksOf(chainOf(fittingBooks(sales)));
  const fetch = (request: Request) => {
    const { DELIVERIES } = registerWith(served.sales ?? new Map());
    const away = { getByName: () => ({ listSales: () => Promise.reject(new Error("away")) }) };
    const env = {
      PUBLIC_ORIGIN: "https://shop.example",
      PAY_TO: DEMO_MERCHANT_ACCOUNT,
      SELLER_KEY,
      DELIVERIES: served.sales ? DELIVERIES : away,
      ...(books && { FACILITATOR: books.FACILITATOR }),
    };
    return app.fetch(request, env);
  };
  const server = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const started = serve({ fetch, hostname: "127.0.0.1", port: 0 }, () => resolve(started));
  });
  const served: SellerServer = {
    url: `http://localhost:${(server.address() as AddressInfo).port}/seller`,
    sales,
    journal(postings) {
      books = postings && booksOf(chainOf(postings));
    },
    close: () =>
      new Promise((resolve) => {
        if ("closeAllConnections" in server) server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return served;
}
