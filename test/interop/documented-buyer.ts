/** The client within a mandate of spec/scheme_exact_lez.md, so that the page's code is compiled, and pays. */

import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { mandateFetch } from "../../shared/exact/client/index.ts";
import { keySigner } from "../../shared/index.ts";

export async function buy(
  readFile: (name: string, encoding: "utf8") => Promise<string>,
  appendFile: (name: string, text: string) => Promise<void>,
  url: string,
): Promise<Response> {
  const { secretKey } = JSON.parse(await readFile("agent.json", "utf8"));
  const agentKey = await keySigner(Buffer.from(secretKey, "hex"));
  const mandate = JSON.parse(await readFile("mandate.json", "utf8"));
  const reason = "The premium report answers your question about agents.";
  const onPayment = (made: object) => appendFile("payments.jsonl", `${JSON.stringify(made)}\n`);
  const client = new x402Client();
  const pay = wrapFetchWithPayment(mandateFetch(fetch, { client, agentKey, mandate, reason, onPayment }), client);
  const answer = await pay(url);
  return answer;
}
