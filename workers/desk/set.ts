/** Settings of the desk: each changes under a proof of its own, once. */

import * as z from "zod/mini";
import { publicKeySchema } from "../../shared/crypto/bytes.ts";
import { type DeskRefusal, malformed, refused } from "../../shared/desk/codes.ts";
import { type DeskSettings, type HostedAnswer, SETTINGS, type SettingName } from "../../shared/desk/hosted-api.ts";
import { DESK_PROOF_SECONDS, MAX_SETTING_LENGTH } from "../../shared/limits.ts";
import { deskSettingDigest } from "../../shared/protocol/desk.ts";
import { verifyProof } from "../../shared/protocol/proof.ts";
import { parseJson } from "../../shared/text/json.ts";
import { unixNow } from "../../shared/time.ts";
import { unpair } from "./agent-calls.ts";
import { agentView, pairedAgents } from "./agents.ts";
import type { AskOf } from "./asks.ts";
import { type DeskContext, tell, type Told } from "./desk-context.ts";
import { passkeyRules } from "./env.ts";
import { note } from "./journal.ts";
import { keepKeys, keyRecordSchema } from "./keys.ts";
import { useOnce } from "./logins.ts";

const unpairSchema = z.strictObject({ publicKey: publicKeySchema });

export function settings({ store, notices }: DeskContext): Told<DeskSettings> {
  return tell({ agents: pairedAgents(store).map(agentView), ...notices.view() });
}

export async function set(desk: DeskContext, { setting: signed }: AskOf<"set">): Promise<Told<HostedAnswer<"set">>> {
  const { store, account, origin, env } = desk;
  const { deskSetting, ...proof } = signed;
  if (deskSetting.desk !== origin) return refused("request_differs", `This is desk ${origin}, and the change is for another.`);
  const claimed = { type: "DeskSetting", digest: deskSettingDigest(deskSetting), account } as const;
  const proved = deskSetting.account === account ? await verifyProof(proof, claimed, passkeyRules(env)) : { ok: false as const };
  if (!proved.ok) return refused("invalid_signature", `The proof does not count: ${proved.problem ?? "it is not the account's"}.`);
  const name = deskSetting.setting;
  if (!isSetting(name)) return refused("usage", `There is no setting ${name}.`, `The settings are ${SETTINGS.join(", ")}.`);
  const now = unixNow();
  const issuedAt = Number(deskSetting.issuedAt);
  if (Math.abs(now - issuedAt) > DESK_PROOF_SECONDS) return refused("proof_expired");
  return store.transact(() => {
    if (!useOnce(store, "setting", deskSetting.nonce, issuedAt + DESK_PROOF_SECONDS)) return refused("replayed");
    const problem = apply(desk, name, deskSetting.value, now);
    if (problem) return problem;
    note(store, now, "setting_changed", { setting: name });
    return settings(desk);
  });
}

function isSetting(name: string): name is SettingName {
  return (SETTINGS as readonly string[]).includes(name);
}

function apply(desk: DeskContext, name: SettingName, value: string, now: number): DeskRefusal | undefined {
  const what = `The value of ${name}`;
  if (name === "keys.set") {
    const record = parseJson(value, MAX_SETTING_LENGTH, keyRecordSchema);
    if (!record.ok) return malformed(what, record.problem);
    if (record.value.account !== desk.account) return refused("usage", "The record of keys is of another account.");
    keepKeys(desk.store, record.value);
    return undefined;
  }
  if (name === "agent.unpair") {
    const agent = parseJson(value, MAX_SETTING_LENGTH, unpairSchema);
    if (!agent.ok) return malformed(what, agent.problem);
    unpair(desk, agent.value.publicKey, "owner");
    return undefined;
  }
  const read = parseJson(value, MAX_SETTING_LENGTH, z.looseObject({}));
  return read.ok ? desk.notices.set(name, read.value, now) : malformed(what, read.problem);
}
