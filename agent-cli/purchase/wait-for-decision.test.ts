import { expect, test } from "vitest";
import type { Digest } from "../../shared/crypto/digest.ts";
import { contextFor } from "../runtime/context.ts";
import { EXIT } from "../runtime/exit-codes.ts";
import { processIo } from "../runtime/io.ts";
import { sandbox } from "../testing/cli.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";
import { waitForDecision } from "./wait-for-decision.ts";

const box = sandbox();
const merchant = await startMerchant();
const { ask } = await people(box);

test("a wait ends at the caller's limit, however long --timeout is", async () => {
  await ask(merchant.url, "request.json");
  const { requestDigest: digest } = (await box.run("request list")).json.data["requests"][0] as { requestDigest: Digest };
  const context = { ...contextFor({ ...processIo(), env: box.env }, [], true), waitUntil: Date.now() + 500, progress: () => undefined };
  const started = Date.now();
  expect(await waitForDecision(context, digest, 3600)).toMatchObject({ ok: true, data: { state: "pending" } });
  expect(Date.now() - started).toBeLessThan(3000);
});

test("an interrupted wait names the open request and how to wait again; an interrupted look claims nothing", async () => {
  const { code } = await ask(merchant.url, "request.json");
  const waited = await box.run(["request", "wait", code], { signal: AbortSignal.abort() });
  expect([waited.exit, waited.json.error.message]).toEqual([EXIT.interrupted, `Interrupted. Request ${code} still waits for its owner.`]);
  expect(waited.json.next).toMatchObject({ argv: ["lez-agent-pay", "request", "wait", code], by: "agent" });
  const watched = await box.run("inbox --watch", { signal: AbortSignal.abort() });
  expect([watched.exit, watched.json.error.message]).toEqual([EXIT.interrupted, "Interrupted."]);
});
