/**
 * The page's entry: takes the token out of the link of a local desk, or asks which hosted desk this is, and lets the browser draw the
 * page's frame before it runs the rest.
 */

import type { HostedDesk } from "../../../shared/desk/hosted-api.ts";

const TOKEN = /^#[0-9a-f]{64}$/;
/** A tab in the background draws nothing. */
const HIDDEN_MILLIS = 300;
/** A desk that does not answer is asked again after this long. */
const AGAIN_MILLIS = 3000;

function tokenOfLink(): string | undefined {
  const { hash } = location;
  if (!TOKEN.test(hash)) return undefined;
  // The history of the browser gets the page without its key.
  history.replaceState(null, "", "/#/");
  return hash.slice(1);
}

/** @returns undefined at a local desk: it tells nothing to a page without its token */
async function hostedDesk(): Promise<HostedDesk | undefined> {
  for (;;) {
    try {
      const init = { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" };
      const answer = (await (await fetch("/api/desk", init)).json()) as { data?: HostedDesk };
      return answer.data;
    } catch {
      const said = document.querySelector("#main p");
      if (said) said.textContent = "The desk does not answer. This page tries again by itself.";
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MILLIS));
    }
  }
}

async function start(token: string | undefined): Promise<void> {
  const hosted = token === undefined ? await hostedDesk() : undefined;
  const show = hosted
    ? (await import("./hosted/hosted.tsx")).start.bind(undefined, hosted)
    : (await import("./local.tsx")).start.bind(undefined, token);
  const place = document.getElementById("desk");
  place?.replaceChildren();
  if (place) show(place);
}

const token = tokenOfLink();
const drawn = new Promise<void>((resolve) => {
  requestAnimationFrame(() => setTimeout(resolve));
  setTimeout(resolve, HIDDEN_MILLIS);
});
void drawn.then(() => start(token));
