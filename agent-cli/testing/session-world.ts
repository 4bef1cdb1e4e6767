/** An owner, an agent with a mandate for sessions, a merchant that sells by session, and a facilitator, for the tests of one file. */

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { afterEach, expect } from "vitest";
import { hexToBytes } from "../../shared/crypto/bytes.ts";
import { DEMO_MERCHANT_ACCOUNT } from "../../shared/demo.ts";
import { ASSET, NETWORK } from "../../shared/lez.ts";
import { type Mandate, mandateDigest, signMandate } from "../../shared/protocol/mandate.ts";
import { keySigner } from "../../shared/protocol/signer.ts";
import type { Voucher } from "../../shared/protocol/voucher.ts";
import { unixNow } from "../../shared/time.ts";
import type { SessionRecord } from "../records/sessions.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { REASON, sandbox } from "./cli.ts";
import { startFacilitator } from "./facilitator.ts";
import { LEDGER } from "./merchant.ts";
import { people } from "./people.ts";
import { startSessionShop } from "./session-shop.ts";

export async function sessionWorld() {
  const box = sandbox();
  const shop = await startSessionShop();
  const facilitator = await startFacilitator();
  const { owner, agent } = await people(box);
  const ownerKey = await keySigner(hexToBytes("secretKey" in owner ? owner.secretKey : ""));
  await box.run("doctor"); // makes the state directory
  box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json", agentFile: "../agent.json" });

  /** A mandate for sessions, as the owner's tool hands it over. */
  async function grant(session: Partial<Mandate["session"] & object> = {}): Promise<string> {
    const now = unixNow();
    const mandate: Mandate = {
      version: "1",
      network: NETWORK,
      asset: ASSET,
      ledger: LEDGER,
      from: ownerKey.account,
      agent: agent.publicKey,
      grantedAt: String(now),
      validAfter: String(now),
      validBefore: String(now + 86_400),
      perPayment: "10",
      total: "100000",
      payees: [DEMO_MERCHANT_ACCOUNT],
      origins: ["*"],
      schemes: ["batch-settlement"],
      session: { deposit: "1000", seconds: "86400", withdrawDelay: "900", open: "5", ...session },
      salt: "5a".repeat(32),
    } as object as Mandate;
    const signed = await signMandate(mandate, ownerKey);
    rmSync(box.path("home/mandates"), { recursive: true, force: true });
    box.write("mandate.json", signed);
    const kept = await box.run("mandate accept ./mandate.json");
    expect(kept.exit, kept.stdout).toBe(EXIT.ok);
    return mandateDigest(mandate);
  }

  const fetched = (path = "", ...words: string[]) => box.run(["fetch", `${shop.url}${path}`, ...words]);
  /** The first call, which opens a session of 1000. */
  async function open() {
    await grant();
    const run = await fetched("", "--session", "1000", "--reason", REASON);
    expect(run.exit, run.stdout).toBe(EXIT.ok);
    return run.json.data as { session: { session: string; shortCode: string } };
  }
  const kept = (): SessionRecord => {
    const [file] = readdirSync(box.path("home/sessions")).filter((name) => name.endsWith(".json"));
    return JSON.parse(readFileSync(box.path(`home/sessions/${file}`), "utf8")) as SessionRecord;
  };
  const vouchers = (): Voucher[] =>
    shop.presented.flatMap((payload) => (payload.type === "deposit" || payload.type === "voucher" ? [payload.voucher] : []));

  afterEach(() => {
    shop.reset();
    shop.sessions.clear();
    for (const folder of ["sessions", "requests", "inbox", "answers"]) rmSync(box.path(`home/${folder}`), { recursive: true, force: true });
  });

  return { box, shop, facilitator, owner, agent, grant, fetched, open, kept, vouchers };
}
