/** The devnet's pages for a person: its blocks, what is in one of them, and an account. HTML without scripts, from the chain as it is. */

import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, fromBase64, toBase64, utf8 } from "../../shared/crypto/bytes.ts";
import { LOOK } from "../../shared/screen/look.ts";
import {
  BRIDGE_PROGRAM,
  CLOCK_PROGRAM,
  FEE_PROGRAM,
  isLezAccountId,
  type LezAccountId,
  NATIVE_PROGRAM,
} from "../../shared/zone/account.ts";
import { type BlockTransaction, decodeBlock, feesOf, type ZoneBlock } from "../../shared/zone/block.ts";
import { transferOf } from "../../shared/zone/transfer.ts";
import { SHOWN_BLOCKS } from "./limits.ts";
import type { RpcChain } from "./rpc.ts";

export const EXPLORER = "/explorer";

export interface Page {
  status: 200 | 404;
  html: string;
}

/** HTML that this file wrote: what comes from elsewhere is escaped when it is put in. */
class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}
type Part = Html | string | number | bigint | readonly Html[];

function html(words: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(words.map((word, index) => word + textOf(parts[index] ?? "")).join(""));
}

function textOf(part: Part): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(({ text }) => text).join("");
  return String(part).replaceAll(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`);
}

const STYLE = `${LOOK}
body { margin: 0; background: var(--paper); color: var(--ink); font: var(--body)/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
header, main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
header p { margin: 0; color: var(--quiet); font-size: var(--small); }
main { padding-top: 0; }
section, main > dl { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); padding: 0.75rem 1rem; margin: 0.75rem 0; }
h1 { font-size: var(--huge); margin: 0 0 1rem; }
h2 { font-size: var(--large); margin: 0 0 0.5rem; }
dl { display: grid; grid-template-columns: minmax(7rem, auto) 1fr; gap: 0.25rem 1rem; margin: 0; }
dt { color: var(--quiet); }
dd { margin: 0; min-width: 0; }
code { font-size: var(--small); }
a { color: var(--accent); }
a:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
@media (max-width: 30rem) { dl { display: block; } dd { margin-bottom: 0.5rem; } }
`;

/** Nothing is loaded, run, framed or sent. */
export const PAGE_HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    `default-src 'none'; style-src 'sha256-${toBase64(sha256(utf8(STYLE)))}'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cache-Control": "no-store",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/**
 * @param path the URL's, from EXPLORER on
 * @param before of the list: only blocks below this one
 */
export function explorerPage(path: string, before: string | null, chain: RpcChain): Page {
  const [, kind, name = "", ...rest] = path.slice(EXPLORER.length).split("/");
  if (kind === undefined || (kind === "" && name === ""))
    return page("Blocks", blockList(chain, wholeNumber(before ?? "") ?? chain.head + 1));
  if (rest.length > 0) return notFound();
  if (kind === "block") {
    const block = blockAt(chain, wholeNumber(name));
    return block ? page(`Block ${block.id}`, blockDetails(block)) : notFound();
  }
  if (kind === "account" && isLezAccountId(name)) return page("Account", accountDetails(chain, name));
  return notFound();
}

function blockList(chain: RpcChain, below: number): Html {
  const first = Math.min(below - 1, chain.head);
  const blocks = latest(chain, first);
  const oldest = blocks.at(-1)?.id ?? 1n;
  return html`<p>Head: block ${chain.head}. Newest first.</p>
${blocks.map(
  (block) => html`<section><h2>${blockLink(block.id)}</h2><dl>${fact("Made", time(block))}${fact("Status", block.status ?? "none")}
${fact("Transactions", block.transactions.length)}${fact("Hash", html`<code>${block.hash}</code>`)}</dl></section>
`,
)}${oldest > 1n ? html`<p><a href="${EXPLORER}?before=${oldest}">Older blocks</a></p>` : ""}`;
}

function blockDetails(block: ZoneBlock): Html {
  return html`<dl>${fact("Made", time(block))}${fact("Status", block.status ?? "none")}${fact("Hash", html`<code>${block.hash}</code>`)}
${fact("Block before", block.id > 1n ? html`${blockLink(block.id - 1n)} <code>${block.previousHash}</code>` : "none")}
${fact("Producer's key", html`<code>${bytesToHex(block.producer)}</code>`)}</dl>
${block.transactions.map((transaction) => transactionDetails(block, transaction))}`;
}

function transactionDetails(block: ZoneBlock, read: BlockTransaction): Html {
  const { h, id, transaction } = read;
  return html`<section><h2>${kindOf(read)}</h2><dl>${termsOf(block, read)}${fact("Transaction id", html`<code>${id}</code>`)}
${fact("Message hash (H)", html`<code>${h}</code>`)}${fact("Instruction", html`<code>${bytesToHex(transaction.instruction)}</code>`)}</dl></section>
`;
}

const KINDS = new Map<LezAccountId, string>([
  [FEE_PROGRAM, "Fees of the block"],
  [CLOCK_PROGRAM, "Clock"],
  [BRIDGE_PROGRAM, "Deposit by the bridge"],
  [NATIVE_PROGRAM, "Call of the native token's program"],
]);

function kindOf(read: BlockTransaction): string {
  return transferOf(read).ok ? "Transfer" : (KINDS.get(read.transaction.program) ?? "Call of a program");
}

function termsOf(block: ZoneBlock, read: BlockTransaction): Html {
  const decoded = transferOf(read);
  if (decoded.ok) {
    const { from, to, value, nonce, fee } = decoded.transfer;
    return html`${fact("From", accountLink(from))}${fact("To", accountLink(to))}${fact("Value", `${value} lepta, if the payer had them`)}
${fact("Nonce", nonce)}${fact("Highest fee", `${fee.maxFee} lepta`)}`;
  }
  const { program, selectors } = read.transaction;
  const fees = program === FEE_PROGRAM ? feesOf(block) : undefined;
  const sums =
    fees &&
    html`${fact("Earned", `${fees.summary.revenueBase + fees.summary.revenueTip} lepta`)}
${fact("Paid to the producer", `${fees.summary.payout} lepta`)}`;
  const accounts = [...new Set(selectors.map(({ account }) => account))];
  return html`${sums ?? ""}${fact("Program", html`<code>${program}</code>`)}${accounts.map((account) => fact("Account", accountLink(account)))}`;
}

function accountDetails(chain: RpcChain, account: LezAccountId): Html {
  const { balance, nonce } = chain.account(account);
  const blocks = latest(chain, chain.head);
  const named = blocks.flatMap((block) =>
    block.transactions
      .filter(({ transaction }) => transaction.selectors.some((selector) => selector.account === account))
      .map(
        (read) => html`<section><h2>${kindOf(read)} in ${blockLink(block.id)}</h2><dl>${termsOf(block, read)}</dl></section>
`,
      ),
  );
  return html`<dl>${fact("Account", html`<code>${account}</code>`)}${fact("Balance", `${balance} lepta`)}${fact("Nonce", nonce)}</dl>
<p>${balance === 0n && nonce === 0n ? "It was never used on this chain. " : ""}In the last ${blocks.length} blocks: ${named.length} transactions.</p>
${named}`;
}

/** So many blocks from this one down, newest first. */
function latest(chain: RpcChain, first: number): ZoneBlock[] {
  return Array.from({ length: SHOWN_BLOCKS }, (_, index) => blockAt(chain, first - index)).filter((block) => block !== undefined);
}

function blockAt(chain: RpcChain, id: number | undefined): ZoneBlock | undefined {
  const bytes = id === undefined || id < 1 ? undefined : fromBase64(chain.block(id) ?? "");
  const decoded = bytes && decodeBlock(bytes);
  return decoded?.ok ? decoded.block : undefined;
}

function wholeNumber(text: string): number | undefined {
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : undefined;
}

function time({ id, timestamp }: ZoneBlock): string {
  return id === 1n ? "with the configuration" : new Date(Number(timestamp)).toISOString();
}

function fact(name: string, value: Part): Html {
  return html`<dt>${name}</dt><dd>${value}</dd>`;
}

function blockLink(id: bigint): Html {
  return html`<a href="${EXPLORER}/block/${id}">Block ${id}</a>`;
}

function accountLink(account: LezAccountId): Html {
  return html`<a href="${EXPLORER}/account/${account}"><code>${account}</code></a>`;
}

function notFound(): Page {
  return { ...page("Not found", html`<p>The chain has no such block, or this is no account. An orphaned block is gone.</p>`), status: 404 };
}

function page(title: string, body: Html): Page {
  const document = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title} - LEZ devnet</title>
<style>${new Html(STYLE)}</style></head><body><header><p>LEZ devnet: its money is worth nothing. <a href="${EXPLORER}">Blocks</a></p></header>
<main><h1>${title}</h1>
${body}</main></body></html>
`;
  return { status: 200, html: document.text };
}
