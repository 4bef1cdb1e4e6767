/** A notice as the services of webhooks take it. Nothing in it is markup, a link of a stranger, or a mention. */

import { utf8 } from "../../../shared/crypto/bytes.ts";
import type { WebhookFormat } from "../../../shared/desk/hosted-api.ts";
import type { Notice } from "./text.ts";

export interface WebhookBody {
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
}

/** No previews of links: a service would fetch what the notice names. */
const SUPPRESS_EMBEDS = 4;
/** ntfy's words for a notice that rings. */
const NTFY_HEADERS = { "Content-Type": "text/plain; charset=utf-8", Priority: "high", Tags: "moneybag", Markdown: "no" };

/** @param desk the desk's origin */
export function webhookBody(format: WebhookFormat, { title, text, path }: Notice, desk: string): WebhookBody {
  const link = `${desk}${path}`;
  if (format === "ntfy") {
    // A header holds no other alphabet than ours, so the names are in the body.
    return { headers: { ...NTFY_HEADERS, Title: "Approval wanted", Click: link }, body: bytes(`${title}\n${text}`) };
  }
  if (format === "slack") {
    return json({
      text: `${[title, text].map(slackText).join("\n")}\n<${link}|Open the desk>`,
      unfurl_links: false,
      unfurl_media: false,
    });
  }
  const content = `${[title, text].map(discordText).join("\n")}\n<${link}>`;
  return json({ content, allowed_mentions: { parse: [] }, flags: SUPPRESS_EMBEDS });
}

/** Slack's own three escapes; and its marks of formatting, which it reads anywhere, are kept apart from words by an invisible joiner. */
function slackText(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/[*_~`]/g, "$&\u2060");
}

/** Discord reads Markdown and links. */
function discordText(text: string): string {
  return text.replace(/[\\*_~`|>#[\]()<@:-]/g, "\\$&");
}

function json(value: object): WebhookBody {
  return { headers: { "Content-Type": "application/json" }, body: bytes(JSON.stringify(value)) };
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return utf8(text) as Uint8Array<ArrayBuffer>;
}
