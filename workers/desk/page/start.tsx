/** Shows the desk in place of the frame that the page came with. */

import { render } from "preact";
import { App } from "./app.tsx";
import { Client } from "./client.ts";

/** @param token absent if the link had none */
export function start(token: string | undefined): void {
  const place = document.getElementById("desk");
  if (!place) return;
  place.replaceChildren();
  render(<App client={token === undefined ? undefined : new Client(token)} />, place);
}
