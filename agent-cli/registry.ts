/** Every command, in the order of help. Adding one is a file in commands/ and a line here. */
import type { Command } from "./command.ts";
import { agentCreate } from "./commands/agent-create.ts";
import { balance } from "./commands/balance.ts";
import { demoCli } from "./commands/demo-cli.ts";
import { demoHttp } from "./commands/demo-http.ts";
import { faucet } from "./commands/faucet.ts";
import { httpGet } from "./commands/http-get.ts";
import { ownerApprove } from "./commands/owner-approve.ts";
import { ownerCreate } from "./commands/owner-create.ts";
import { ownerDecline } from "./commands/owner-decline.ts";
import { pay } from "./commands/pay.ts";
import { quote } from "./commands/quote.ts";
import { requestCreate } from "./commands/request-create.ts";
import { validate } from "./commands/validate.ts";

export const COMMANDS: readonly Command[] = [
  quote,
  requestCreate,
  pay,
  httpGet,
  agentCreate,
  ownerCreate,
  ownerApprove,
  ownerDecline,
  balance,
  faucet,
  validate,
  demoCli,
  demoHttp,
];

/** What the first word of a two-word command stands for, in help. */
export const GROUPS: Readonly<Record<string, string>> = {
  agent: "the agent's key",
  owner: "the owner's key and decisions",
  request: "what the agent asks its owner to pay for",
  http: "plain HTTP, with or without a payment",
  demo: "the whole story, on this machine",
};
