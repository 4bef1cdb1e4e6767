/** A small facilitator on 127.0.0.1: it answers what it is told to, and remembers what it was asked. */

import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll } from "vitest";
import { NETWORK, SCHEME, X402_VERSION } from "../../shared/lez.ts";
import { authorizationDigest, transactionOf } from "../../shared/protocol/authorization.ts";
import type { SignedRefund } from "../../shared/protocol/refund.ts";
import type { SignedRevocation } from "../../shared/protocol/revocation.ts";
import type { SignedTransfer } from "../../shared/protocol/transfer.ts";
import type { SignedWithdrawal } from "../../shared/protocol/withdrawal.ts";
import { LEDGER } from "./merchant.ts";
import { served } from "./served.ts";

export interface TestFacilitator {
  url: string;
  /** What /settlements/… says, beside ledger, payer and nonce. */
  settlement: object;
  /** The same for single nonces, before that. */
  settlements: Record<string, object>;
  /** What POST /settlements/cancel answers. */
  cancel: { status: number; body: object };
  /** Seconds that its Date header is ahead. */
  ahead: number;
  ledger: string;
  cancelled: unknown[];
  /** What /mandates/… says of single mandates; of all others, that they were never used. */
  mandates: Record<string, object>;
  /** Those that arrived at /mandates/revoke. */
  revoked: SignedRevocation[];
  /** What /sessions/… says of single sessions; it knows no other. Those that were asked back. */
  sessions: Record<string, object>;
  withdrawn: SignedWithdrawal[];
  /** What POST /sessions/entry says of every call. */
  entry: object;
  /** Accounts' journals, whole. The last entry has the balance. */
  journals: Record<string, { seq: string; balanceAfter?: string; hash?: string }[]>;
  /** Those that arrived at /transfers; each is made once. */
  transfers: SignedTransfer[];
  /** What /transfers answers in place of the transaction. */
  refuses: { status: number; body: object } | undefined;
  /** What POST /refunds answers; undefined: it was received, and the connection breaks. */
  refund: (signed: SignedRefund) => { status: number; body: object } | undefined;
  refunds: SignedRefund[];
  /** What POST /settlements/refunds answers of every payment. */
  refunded: { refunded: string; refunds: { debit: number; signed?: SignedRefund }[] };
  /** What /discovery/search answers, and the queries that arrived there. */
  catalogue: object | undefined;
  searches: string[];
}

export async function startFacilitator(): Promise<TestFacilitator> {
  const server = http.createServer((request, response) => void answer(facilitator, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const facilitator: TestFacilitator = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    settlement: { status: "unused" },
    settlements: {},
    cancel: { status: 200, body: { success: true } },
    ahead: 0,
    ledger: LEDGER,
    cancelled: [],
    mandates: {},
    revoked: [],
    sessions: {},
    withdrawn: [],
    entry: {},
    transfers: [],
    refuses: undefined,
    journals: {},
    refund: () => ({ status: 404, body: { error: "not_found" } }),
    refunds: [],
    refunded: { refunded: "0", refunds: [] },
    catalogue: undefined,
    searches: [],
  };
  served(facilitator.url);
  return facilitator;
}

async function answer(facilitator: TestFacilitator, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { ledger } = facilitator;
  const say = (status: number, body: object) =>
    response
      .writeHead(status, { "content-type": "application/json", date: new Date(Date.now() + facilitator.ahead * 1000).toUTCString() })
      .end(JSON.stringify(body));
  const [, first, network, payer, rest = ""] = (request.url ?? "").split("/");
  if (request.method === "POST" && request.url === "/settlements/cancel") {
    facilitator.cancelled.push(JSON.parse(Buffer.concat(chunks).toString()));
    say(facilitator.cancel.status, facilitator.cancel.body);
  } else if (request.method === "POST" && first === "transfers") {
    const transfer = JSON.parse(Buffer.concat(chunks).toString()) as SignedTransfer;
    facilitator.transfers.push(transfer);
    const transaction = transactionOf(NETWORK, authorizationDigest(transfer.authorization));
    if (facilitator.refuses) say(facilitator.refuses.status, facilitator.refuses.body);
    else say(200, { success: true, transaction });
  } else if (request.method === "POST" && request.url === "/refunds") {
    const signed = JSON.parse(Buffer.concat(chunks).toString()) as SignedRefund;
    facilitator.refunds.push(signed);
    const answer = facilitator.refund(signed);
    if (answer) say(answer.status, answer.body);
    else request.socket.destroy();
  } else if (request.method === "POST" && request.url === "/sessions/withdraw") {
    const signed = JSON.parse(Buffer.concat(chunks).toString()) as SignedWithdrawal;
    const { session: id } = signed.withdrawal;
    facilitator.withdrawn.push(signed);
    if (facilitator.sessions[id]) say(200, { success: true, network: NETWORK, ...facilitator.sessions[id], id });
    else say(404, { error: "session_unknown" });
  } else if (request.method === "POST" && request.url === "/sessions/entry") {
    say(200, { network: NETWORK, ledger, ...facilitator.entry });
  } else if (first === "sessions") {
    say(200, { network, ledger, payer, id: rest, ...(facilitator.sessions[rest] ?? { status: "unknown" }) });
  } else if (first === "discovery" && facilitator.catalogue) {
    facilitator.searches.push(request.url ?? "");
    say(200, facilitator.catalogue);
  } else if (request.method === "POST" && request.url === "/settlements/refunds") {
    say(200, { network: NETWORK, ledger, ...facilitator.refunded });
  } else if (first === "settlements") {
    const [nonce = ""] = rest.split("?");
    say(200, { network, ledger, payer, nonce, ...(facilitator.settlements[nonce] ?? facilitator.settlement) });
  } else if (first === "accounts") {
    const journal = facilitator.journals[network ?? ""] ?? [];
    const { balanceAfter: balance = "1000000", hash: journalHead = ledger } = journal.at(-1) ?? {};
    if (!payer?.startsWith("journal")) say(200, { account: network, balance, held: "0", journalSeq: journal.length, journalHead });
    else {
      const after = Number(new URL(request.url ?? "", facilitator.url).searchParams.get("after"));
      say(200, { account: network, entries: journal.filter(({ seq }) => Number(seq) > after) });
    }
  } else if (request.method === "POST" && request.url === "/mandates/revoke") {
    const signed = JSON.parse(Buffer.concat(chunks).toString()) as SignedRevocation;
    facilitator.revoked.push(signed);
    say(200, { revokedAt: Number(signed.revocation.revokedAt), underWay: { payments: 0, value: "0" } });
  } else if (first === "mandates")
    say(200, { network, payer, mandate: rest, ledger, ...(facilitator.mandates[rest] ?? { status: "unused" }) });
  else if (first === "supported") {
    const kinds = [{ x402Version: X402_VERSION, scheme: SCHEME, network: NETWORK, extra: { ledger } }];
    say(200, { kinds, extensions: [], signers: {} });
  } else if (first === "health") say(200, { ok: true, ledger });
  else say(404, { error: "not_found" });
}
