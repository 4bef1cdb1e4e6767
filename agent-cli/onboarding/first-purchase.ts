/** One purchase, agent and owner in turns: the agent asks, the owner reads and decides, the agent pays. */

import type { CommandContext } from "../command-line/command.ts";
import { failureText } from "../command-line/envelope.ts";
import { safeUrl } from "../merchant/curl-request.ts";
import { askText, askYesOrNo, interrupted } from "../prompts/prompts.ts";
import { listPurchases } from "../purchase/purchase-list.ts";
import type { PurchaseView } from "../purchase/purchase.ts";
import { type Failure, type Outcome, succeed } from "../runtime/outcome.ts";
import { typeCommand } from "./type-command.ts";

/** Longer than any minimum that an owner can configure, and always the same: run again, it is the same purchase. */
const REASON =
  "Your first purchase: it shows how an agent asks, how you read and approve what will be paid, and that exactly that is paid, once.";

interface FirstPurchase {
  /** Absent if nothing was wanted, or if it costs nothing. */
  purchase?: PurchaseView | undefined;
  /** Whether this run bought it. */
  made: "purchase"[];
}

/** @returns undefined if the person wants to buy nothing */
export async function askWhatToBuy(context: CommandContext): Promise<Outcome<string | undefined>> {
  for (;;) {
    const typed = await askText(context, "What do you want to buy? A URL that answers 402, or nothing", problemOf);
    if (typed === undefined) return interrupted();
    if (typed === "") return succeed(undefined);
    const quoted = await typeCommand(context, "quote", typed);
    if (quoted.ok && (quoted.data as { priced: boolean }).priced) return succeed(typed);
    if (context.io.signal.aborted) return interrupted();
    if (!quoted.ok) context.say(...failureText(quoted, context.layout, context.io.env));
  }
}

function problemOf(url: string): string | undefined {
  const safe = url === "" ? undefined : safeUrl(url, false);
  return safe?.ok === false ? safe.error.message : undefined;
}

/** Takes up what an earlier run began. What was bought is offered again, and what was refused is not. */
export async function buyOnce(context: CommandContext, url: string | undefined): Promise<Outcome<FirstPurchase>> {
  if (url === undefined) return succeed({ made: [] });
  const earlier = await newestPurchase(context, url);
  if (!earlier.ok) return earlier;
  const { state, shortCode } = earlier.data ?? {};
  if (state === "declined" || state === "revoked") {
    context.say(`You have said no to this purchase, ${shortCode}. That is final.`);
    return succeed({ purchase: earlier.data, made: [] });
  }
  if (state === "paid") {
    context.say(`You have bought ${url} already, with request ${shortCode}.`);
    const again = await askYesOrNo(context, "Buy it again?");
    if (again === undefined) return interrupted();
    if (!again) return succeed({ purchase: earlier.data, made: [] });
  }
  const asked = await typeCommand(context, "fetch", url, "--reason", REASON, ...(state === "paid" ? ["--again"] : []));
  const paid = asked.ok ? asked : await decideAndPay(context, url, asked);
  if (!paid.ok) return paid;
  const purchase = await newestPurchase(context, url);
  if (!purchase.ok) return purchase;
  return succeed({ purchase: purchase.data, made: purchase.data?.state === "paid" ? ["purchase" as const] : [] });
}

/** @param asked what the agent was told when it asked; anything but "the owner has not decided" ends the purchase */
async function decideAndPay(context: CommandContext, url: string, asked: Failure): Promise<Outcome<unknown>> {
  const request = await newestPurchase(context, url);
  if (!request.ok) return request;
  if (request.data?.state !== "pending") return asked;
  const code = request.data.shortCode;
  context.say(`The agent has asked. Request ${code} waits for you, its owner:`);
  const approved = await typeCommand(context, "approve", code);
  if (!approved.ok) return approved;
  context.say("", "You have approved. The agent pays with what you signed:");
  return typeCommand(context, "fetch", "--resume", code);
}

/** What an earlier run asked for, whatever became of it. */
async function newestPurchase(context: CommandContext, url: string): Promise<Outcome<PurchaseView | undefined>> {
  const list = await listPurchases(context);
  if (!list.ok) return list;
  return succeed(list.data.requests.find((request) => request.url === url && request.reason === REASON));
}
