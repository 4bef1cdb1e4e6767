/** The objects of native payments, reached by HTTP, for a test that kills workerd. */

import type { Digest } from "../../../shared/crypto/digest.ts";
import type { LezAccountId } from "../../../shared/zone/account.ts";
import { configuredZone } from "../../../workers/native/env.ts";
import { type Lane, type LaneEnv, laneName, type SettleCall, watchOf } from "../../../workers/native/lane.ts";

export { ChainWatch } from "../../../workers/native/chain-watch.ts";
export { Lane } from "../../../workers/native/lane.ts";

interface Env extends LaneEnv {
  LANE: DurableObjectNamespace<Lane>;
}

/** The chain's whole numbers are strings in JSON. */
const WHOLE = new Set(["value", "nonce", "maxFee", "gasLimit"]);

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const [payer, h] = ["payer", "h"].map((name) => searchParams.get(name) ?? "") as [LezAccountId, Digest];
    const laneOf = (payer: LezAccountId) => env.LANE.getByName(laneName(configuredZone(env).chain.ledger, payer));
    const call = JSON.parse((await request.text()) || "{}", (key, value: unknown) =>
      WHOLE.has(key) ? BigInt(String(value)) : value,
    ) as SettleCall;
    const answer =
      pathname === "/settle"
        ? await laneOf(call.payment.payer).settle(call)
        : pathname === "/cancel"
          ? await laneOf(call.payment.payer).cancel(call.payment)
          : pathname === "/owed"
            ? await watchOf(env).owed(0)
            : await laneOf(payer).status(h, { nonce: 0n });
    return new Response(JSON.stringify(answer, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value)));
  },
};
