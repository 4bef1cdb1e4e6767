/** The ledger Worker, with a method that makes it large quickly: it settles in bulk, without a request per payment. */

import { randomBytes } from "../../shared/crypto/bytes.ts";
import { randomDigest } from "../../shared/crypto/digest.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { MAX_VALIDITY_SECONDS } from "../../shared/limits.ts";
import { type AccountId, accountOfBytes } from "../../shared/protocol/account.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { unixNow } from "../../shared/time.ts";
import { Ledger as GenuineLedger } from "../../workers/ledger-do/ledger.ts";

export { default } from "../../workers/ledger-do/index.ts";

export class GrowingLedger extends GenuineLedger {
  /** @param strangers pay another new account each time; else all go to the demo merchant @returns how many were settled */
  async grow(payer: AccountId, payments: number, strangers: boolean): Promise<number> {
    const validAfter = unixNow() - 5;
    const results = await Promise.all(
      Array.from({ length: payments }, async () => {
        const payee = strangers ? accountOfBytes(randomBytes(32)) : DEMO_MERCHANT_ACCOUNT;
        const facts = { payer, payee, nonce: randomDigest(), authorizationDigest: randomDigest(), value: "1" as Amount };
        const payment = { ...facts, validAfter, validBefore: validAfter + MAX_VALIDITY_SECONDS };
        return this.settle({ payment, settlementId: randomDigest() }, "");
      }),
    );
    return results.filter(({ ok }) => ok).length;
  }
}
