/** Shows the explorer in place of the frame that the page came with. */

import { render } from "preact";
import { hexToBytes } from "../../../shared/crypto/bytes.ts";
import { readOpening } from "../../../shared/explorer/link.ts";
import { keySigner } from "../../../shared/protocol/signer.ts";
import { App } from "./app.tsx";
import { Client } from "./client.ts";
import { linkTo } from "./router.ts";

/** @param fragment of the link that opened the page; absent if it opens nothing */
export async function start(fragment: string | undefined): Promise<void> {
  const place = document.getElementById("explorer");
  if (!place) return;
  const opening = fragment === undefined ? undefined : readOpening(fragment);
  const books = opening?.books && { signed: opening.books.signed, reader: await keySigner(hexToBytes(opening.books.readerKey)) };
  if (opening) {
    const { account, transaction } = opening;
    const route =
      transaction === undefined ? { page: "account" as const, account } : { page: "transaction" as const, account, transaction };
    history.replaceState(null, "", `${location.pathname}${linkTo(route)}`);
  }
  place.replaceChildren();
  render(<App client={new Client(books)} badLink={fragment !== undefined && !opening} knownKey={opening?.ledgerKey} />, place);
}
