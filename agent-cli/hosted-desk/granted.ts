/** Asks a desk which mandates its owner has granted this agent. Those who ask check them. */

import { AGENT_PATH, type Granted, grantedSchema } from "../../shared/desk/agent-api.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Context } from "../runtime/context.ts";
import { DESK_ASIDE_SECONDS } from "../runtime/limits.ts";
import type { Success } from "../runtime/outcome.ts";
import { callDesk, type DeskCaller, type DeskFailure } from "./client.ts";

export async function askForGranted(context: Context, caller: DeskCaller, account: AccountId): Promise<Success<Granted> | DeskFailure> {
  const path = `${AGENT_PATH}${account}/mandates`;
  return callDesk(context, caller, { method: "GET", path, answer: grantedSchema, timeoutSeconds: DESK_ASIDE_SECONDS });
}
