/** The parts that the sections of the seller's page share. */

import { html, raw } from "hono/html";
import { MAX_QUOTE_LENGTH } from "../../../../shared/limits.ts";
import { shortened, showUnsafe } from "../../../../shared/screen/escapes.ts";

export type Html = ReturnType<typeof html>;

export function figure(name: string, value: string | number, kind = ""): Html {
  return html`<div class="${kind}"><dt>${name}</dt><dd>${value}</dd></div>`;
}

/** It scrolls in its own frame where the screen is narrow, also by the keyboard. */
export function table(
  id: string,
  title: string,
  head: readonly string[],
  rows: readonly (string | number)[][],
  more: number,
  moreWords = "more lines are in the CSV.",
): Html {
  return html`<section class="card"><h2 id="${id}">${title}</h2><div class="scroll" role="region" aria-labelledby="${id}" tabindex="0"><table>
<thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td${typeof cell === "number" ? raw(' class="number"') : ""}>${cell}</td>`)}</tr>`)}</tbody>
</table></div>${more > 0 ? html`<p class="quiet">${more} ${moreWords}</p>` : ""}</section>`;
}

/** A stranger's words: shown, cut, and with what hides as its number. */
export function words(text: string): string {
  return showUnsafe(shortened(text, MAX_QUOTE_LENGTH));
}
