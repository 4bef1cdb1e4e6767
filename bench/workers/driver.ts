/** The ledger without a facilitator: calls its objects with unverified payments. Never deployed. */

import type { Digest } from "../../shared/crypto/digest.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { parseShards, shardName, shardOf } from "../../shared/ledger/shards.ts";
import { FAUCET_CAP_PER_ACCOUNT } from "../../shared/limits.ts";
import type { AccountId } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import type { LedgerPayment } from "../../shared/protocol/ledger-payment.ts";
import type { Remote } from "../../shared/rpc.ts";
import type { GrowingLedger } from "./growing-ledger.ts";

interface Env {
  LEDGER: DurableObjectNamespace<GrowingLedger>;
  SHARDS: string;
}

export default {
  async fetch(request, env) {
    const shards = parseShards(env.SHARDS);
    const shard = (number: number) => env.LEDGER.getByName(shardName("ledger", number)) as unknown as Remote<GrowingLedger>;
    const home = (account: AccountId) => shard(shardOf(account, shards));
    switch (new URL(request.url).pathname) {
      case "/settle": {
        const sale = await request.json<{ payment: LedgerPayment; settlementId: Digest }>();
        return Response.json(await home(sale.payment.payer).settle(sale, ""));
      }
      case "/fund": {
        const { account } = await request.json<{ account: AccountId }>();
        const value = FAUCET_CAP_PER_ACCOUNT.toString() as Amount;
        return Response.json(await shard(0).fund({ account, value, grantId: randomDigest() }, ""));
      }
      /** Delivers money between shards first. */
      case "/transfers": {
        await Promise.all(Array.from({ length: shards }, (_, number) => shard(number).deliver()));
        const state = await home(DEMO_MERCHANT_ACCOUNT).account({ account: DEMO_MERCHANT_ACCOUNT }, "");
        return Response.json({ transfers: "balance" in state ? Number(state.balance) : Number.NaN });
      }
      case "/grow": {
        const { payer, payments, strangers } = await request.json<{ payer: AccountId; payments: number; strangers: boolean }>();
        return Response.json({ settled: await home(payer).grow(payer, payments, strangers) });
      }
      default:
        return new Response(null, { status: 404 });
    }
  },
} satisfies ExportedHandler<Env>;
