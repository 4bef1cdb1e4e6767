/** One of several processes of one agent that sign vouchers of one session at once. It prints one line of JSON: what it signed. */

import { randomBytes } from "node:crypto";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import type { Digest } from "../../shared/crypto/digest.ts";
import type { Amount } from "../../shared/protocol/amount.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import { sessionOffer } from "../../test/fixtures.ts";
import { takeVoucher } from "../records/session-calls.ts";
import { contextFor } from "../runtime/context.ts";
import { processIo } from "../runtime/io.ts";

/** To be run by node. */
export const VOUCHER_RACER = import.meta.filename;

if (import.meta.main) {
  const [id = "", seed = "", count = "1"] = process.argv.slice(2);
  const [context, agent] = [contextFor(processIo(), [], true), await keySigner(hexToBytes(seed))];
  const signed: (string | undefined)[] = [];
  for (let i = 0; i < Number(count); i++) {
    const call = {
      id: randomBytes(16).toString("hex"),
      amount: "10" as Amount,
      method: "GET",
      url: "https://a.example/",
      offer: sessionOffer(),
    };
    const taken = await takeVoucher(context, id as Digest, call, undefined, agent);
    if (!taken.ok) throw new Error(taken.error.message);
    signed.push(taken.data && `${taken.data.voucher.lane}:${taken.data.voucher.serial}:${taken.data.voucher.maxClaimableAmount}`);
  }
  process.stdout.write(JSON.stringify(signed));
}
