/** What the approval screen says of earlier approvals: only what the owner's side can know. */

import { expect, test } from "vitest";
import { REASON, sandbox } from "../testing/cli.ts";
import { startFacilitator } from "../testing/facilitator.ts";
import { startMerchant } from "../testing/merchant.ts";
import { people } from "../testing/people.ts";

const box = sandbox();
const merchant = await startMerchant();
const facilitator = await startFacilitator();
await people(box);
await box.run("doctor"); // makes the state directory
box.write("home/config.json", { facilitatorUrl: facilitator.url, ownerFile: "../owner.json", agentFile: "../agent.json" });

const ask = async () => {
  const made = await box.run(["request", "create", merchant.url, "--reason", REASON, "--inbox"]);
  return made.json.data["requestDigest"] as string;
};
const approve = (digest: string, ...words: string[]) => box.run(["approve", digest, "--confirm", digest, ...words]);
const screen = async () => (await approve(await ask(), "--dry-run")).stderr.replaceAll(/\s+/g, " ");

test("an approval on the same terms was paid or still may be; one that was revoked is no matter", async () => {
  const warning = /You approved another payment on the same terms \d+ s ago\. It was paid, or still may be; this one would come on top\./;
  const revoked = await ask();
  await approve(revoked);
  expect(await screen()).toMatch(warning);
  facilitator.settlement = { status: "cancelled" };
  await box.run(["revoke", revoked, "--code", "other"]);
  expect(await screen()).not.toContain("on the same terms");
  const paid = await ask();
  await approve(paid);
  await box.run(["pay", paid]);
  expect(await screen()).toMatch(warning);
});

test("a second approval of one request is paid beside the first where it is another account's, and only there", async () => {
  const digest = await ask();
  await approve(digest);
  const shown = async (...words: string[]) => (await approve(digest, "--dry-run", ...words)).stderr.replaceAll(/\s+/g, " ");
  expect(await shown()).toContain("It is paid once, however often you approve.");
  await box.run("owner create --out ./other.json --insecure-plaintext");
  const other = await shown("--owner-file", box.path("other.json"));
  expect(other).toContain("from ANOTHER ACCOUNT of yours: each of the two could be paid.");
  expect(other).not.toContain("paid once");
});

test("a payment on the same terms with an unknown outcome is warned about", async () => {
  const lost = await ask();
  await approve(lost);
  merchant.behaviour = { loseAnswer: true };
  await box.run(["pay", lost]);
  merchant.reset();
  const shown = await screen();
  expect(shown).toContain("An earlier payment for the same thing was sent, and what became of it is not known.");
  expect(shown).not.toContain("You approved another payment on the same terms");
});
