/** An owner with a sealed key at a terminal, an agent that asks, and a merchant. */

import { afterAll, beforeEach } from "vitest";
import { PASSPHRASE, sandbox } from "./cli.ts";
import { startMerchant } from "./merchant.ts";
import { people } from "./people.ts";

export const ENTER = "\r";

export async function ownerAtTerminal() {
  const box = sandbox();
  const merchant = await startMerchant();
  const { ask } = await people(box);
  box.write("secret.txt", PASSPHRASE);
  await box.run(["owner", "create", "--out", "./sealed.json", "--passphrase-file", "./secret.txt"]);
  const screen = await box.sharedTerminal();
  beforeEach(() => merchant.reset());
  afterAll(() => screen.close());
  return { box, merchant, ask, screen };
}

/** `owner approve` of ./request.json with the sealed key. */
export function approveWords(out: string): string[] {
  return `owner approve --request-file ./request.json --owner-file ./sealed.json --out ./${out}`.split(" ");
}
