/** Every command, in the order of help. Adding one is a file in commands/ and a line here. */

import packageJson from "../package.json" with { type: "json" };
import type { Command, Program } from "./command-line/command.ts";
import { accounts } from "./commands/accounts.ts";
import { agentCreate } from "./commands/agent-create.ts";
import { approve } from "./commands/approve.ts";
import { auditExport } from "./commands/audit-export.ts";
import { auditList } from "./commands/audit-list.ts";
import { auditRestart } from "./commands/audit-restart.ts";
import { auditVerify } from "./commands/audit-verify.ts";
import { balance } from "./commands/balance.ts";
import { booksGrant } from "./commands/books-grant.ts";
import { booksImport } from "./commands/books-import.ts";
import { booksRevoke } from "./commands/books-revoke.ts";
import { budget } from "./commands/budget.ts";
import { completions } from "./commands/completions.ts";
import { configAllow } from "./commands/config-allow.ts";
import { decisionImport } from "./commands/decision-import.ts";
import { decline } from "./commands/decline.ts";
import { demoCli } from "./commands/demo-cli.ts";
import { demoHttp } from "./commands/demo-http.ts";
import { deskSignIn } from "./commands/desk-sign-in.ts";
import { deskSign } from "./commands/desk-sign.ts";
import { desk } from "./commands/desk.ts";
import { doctor } from "./commands/doctor.ts";
import { explore } from "./commands/explore.ts";
import { faucet } from "./commands/faucet.ts";
import { fetchCommand } from "./commands/fetch.ts";
import { httpGet } from "./commands/http-get.ts";
import { inboxAllow, inboxBlock, inboxMute } from "./commands/inbox-rules.ts";
import { inbox } from "./commands/inbox.ts";
import { initShop } from "./commands/init-shop.ts";
import { keyBackup } from "./commands/key-backup.ts";
import { keyChangePassphrase } from "./commands/key-change-passphrase.ts";
import { keyImport } from "./commands/key-import.ts";
import { keyShow } from "./commands/key-show.ts";
import { ledgerAudit } from "./commands/ledger-audit.ts";
import { ledgerClock } from "./commands/ledger-clock.ts";
import { ledgerExport } from "./commands/ledger-export.ts";
import { ledgerFund } from "./commands/ledger-fund.ts";
import { ledgerRestore } from "./commands/ledger-restore.ts";
import { ledgerRetire } from "./commands/ledger-retire.ts";
import { lezSend } from "./commands/lez-send.ts";
import { lezSign } from "./commands/lez-sign.ts";
import { mandateAccept } from "./commands/mandate-accept.ts";
import { mandateGrant } from "./commands/mandate-grant.ts";
import { mandateList } from "./commands/mandate-list.ts";
import { mandatePropose } from "./commands/mandate-propose.ts";
import { mandateRenounce } from "./commands/mandate-renounce.ts";
import { mandateRevoke } from "./commands/mandate-revoke.ts";
import { mandateShow } from "./commands/mandate-show.ts";
import { mcp } from "./commands/mcp.ts";
import { onboard } from "./commands/onboard.ts";
import { ownerCreate } from "./commands/owner-create.ts";
import { pair } from "./commands/pair.ts";
import { pay } from "./commands/pay.ts";
import { pinsForget } from "./commands/pins-forget.ts";
import { pinsList } from "./commands/pins-list.ts";
import { policyCreate } from "./commands/policy-create.ts";
import { quote } from "./commands/quote.ts";
import { receiptExport } from "./commands/receipt-export.ts";
import { receiptShow } from "./commands/receipt-show.ts";
import { receiptVerify } from "./commands/receipt-verify.ts";
import { recover } from "./commands/recover.ts";
import { refundGrant } from "./commands/refund-grant.ts";
import { refundCommand } from "./commands/refund.ts";
import { requestCancel } from "./commands/request-cancel.ts";
import { requestCreate } from "./commands/request-create.ts";
import { requestExport } from "./commands/request-export.ts";
import { requestList } from "./commands/request-list.ts";
import { requestShow } from "./commands/request-show.ts";
import { requestWait } from "./commands/request-wait.ts";
import { revoke } from "./commands/revoke.ts";
import { salesDeliver } from "./commands/sales-deliver.ts";
import { salesExport } from "./commands/sales-export.ts";
import { salesList } from "./commands/sales-list.ts";
import { salesOwed } from "./commands/sales-owed.ts";
import { salesReconcile } from "./commands/sales-reconcile.ts";
import { salesSummary } from "./commands/sales-summary.ts";
import { search } from "./commands/search.ts";
import { send } from "./commands/send.ts";
import { sessionClose } from "./commands/session-close.ts";
import { sessionList } from "./commands/session-list.ts";
import { sessionShow } from "./commands/session-show.ts";
import { spending } from "./commands/spending.ts";
import { stack } from "./commands/stack.ts";
import { status } from "./commands/status.ts";
import { unpair } from "./commands/unpair.ts";
import { validate } from "./commands/validate.ts";
import { webhooksList } from "./commands/webhooks-list.ts";
import { webhooksRetry } from "./commands/webhooks-retry.ts";
import { whoami } from "./commands/whoami.ts";

export const COMMANDS: readonly Command[] = [
  search,
  quote,
  fetchCommand,
  requestCreate,
  requestWait,
  requestShow,
  requestList,
  requestCancel,
  requestExport,
  decisionImport,
  pay,
  httpGet,
  agentCreate,
  booksImport,
  budget,
  mandatePropose,
  mandateAccept,
  mandateRenounce,
  pair,
  unpair,
  whoami,
  mcp,
  onboard,
  ownerCreate,
  inbox,
  desk,
  deskSignIn,
  deskSign,
  explore,
  inboxMute,
  inboxBlock,
  inboxAllow,
  approve,
  decline,
  revoke,
  mandateGrant,
  mandateList,
  mandateShow,
  mandateRevoke,
  sessionList,
  sessionShow,
  sessionClose,
  refundCommand,
  refundGrant,
  accounts,
  send,
  recover,
  booksGrant,
  booksRevoke,
  spending,
  salesList,
  salesSummary,
  salesExport,
  salesReconcile,
  salesOwed,
  salesDeliver,
  auditList,
  auditVerify,
  auditRestart,
  auditExport,
  pinsList,
  pinsForget,
  configAllow,
  keyShow,
  keyImport,
  keyBackup,
  keyChangePassphrase,
  lezSign,
  lezSend,
  policyCreate,
  status,
  receiptShow,
  receiptExport,
  receiptVerify,
  balance,
  doctor,
  completions,
  faucet,
  ledgerAudit,
  ledgerClock,
  ledgerFund,
  ledgerRetire,
  ledgerExport,
  ledgerRestore,
  webhooksList,
  webhooksRetry,
  validate,
  initShop,
  stack,
  demoHttp,
  demoCli,
];

/** Describes the first word of two-word commands, in help. */
export const GROUPS: Readonly<Record<string, string>> = {
  agent: "the agent's key",
  audit: "the log of what happened, and its verification",
  books: "who may read an account's balance and journal",
  decision: "decisions of an owner on another machine",
  config: "the owner's configuration",
  demo: "demonstrations on this machine",
  init: "the beginning of a project",
  mandate: "limits within which an agent pays without asking",
  desk: "the page on which the owner decides, here or hosted",
  http: "plain HTTP, with or without a payment",
  inbox: "the requests that wait for the owner",
  key: "the owner's key",
  lez: "the chain itself, by hand",
  ledger: "the operator's view of a ledger",
  pins: "known merchants",
  owner: "the owner's key and decisions",
  receipt: "evidence that a request was paid",
  refund: "money that a seller gives back",
  sales: "what an account sold, and how it adds up",
  session: "money set aside for many calls at one merchant",
  webhooks: "what a merchant could not tell its seller's server",
  request: "payment requests of the agent",
};

export const PROGRAM: Program = { commands: COMMANDS, groups: GROUPS, version: packageJson.version };
