/** The page's entry: takes the token out of the link, and shows the desk. */

import { render } from "preact";
import { App } from "./app.tsx";
import { Client } from "./client.ts";

const TOKEN = /^#[0-9a-f]{64}$/;

function tokenOfLink(): string | undefined {
  const { hash } = location;
  if (!TOKEN.test(hash)) return undefined;
  // The history of the browser gets the page without its key.
  history.replaceState(null, "", "/#/");
  return hash.slice(1);
}

const place = document.getElementById("desk");
if (place) {
  const token = tokenOfLink();
  place.replaceChildren();
  render(<App client={token === undefined ? undefined : new Client(token)} />, place);
}
