/** The Worker that `testLedger()` adds to a workers pool: test ledgers as Durable Objects, for only they have SQLite there. */

import { DurableObject } from "cloudflare:workers";
import type { AccountId } from "../shared/protocol/account.ts";
import type { Amount } from "../shared/protocol/amount.ts";
import type { CaptureCommand, ReleaseCommand, ReserveCommand, SettleCommand, UnverifiedPayment } from "../shared/settlement/commands.ts";
import { durableStore } from "../workers/ledger-do/storage.ts";
import { createTestLedger, type TestLedger } from "./ledger.ts";

export class TestLedgers extends DurableObject implements TestLedger {
  readonly #ledger = createTestLedger(durableStore(this.ctx.storage));

  supported(traceId: string) {
    return this.#ledger.supported(traceId);
  }

  reserve(command: ReserveCommand<UnverifiedPayment>, traceId: string) {
    return this.#ledger.reserve(command, traceId);
  }

  capture(command: CaptureCommand, traceId: string) {
    return this.#ledger.capture(command, traceId);
  }

  release(command: ReleaseCommand, traceId: string) {
    return this.#ledger.release(command, traceId);
  }

  settle(command: SettleCommand<UnverifiedPayment>, traceId: string) {
    return this.#ledger.settle(command, traceId);
  }

  give(to: AccountId, amount: Amount) {
    return this.#ledger.give(to, amount);
  }

  balance(account: AccountId) {
    return this.#ledger.balance(account);
  }

  settlements(payee: AccountId) {
    return this.#ledger.settlements(payee);
  }
}

export default { fetch: () => new Response(null, { status: 404 }) } satisfies ExportedHandler;
