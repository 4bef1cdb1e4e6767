/** What an owner reads before a pairing or a changed setting is signed: the same beside a passkey and on a terminal. */

import type { DeskSetting, Pairing } from "../protocol/desk.ts";
import { showUnsafe } from "../screen/escapes.ts";
import type { Fact } from "../screen/facts.ts";
import type { SettingName } from "./hosted-api.ts";
import { pairingCode } from "./pairing-place.ts";

export interface Shown {
  title: string;
  facts: Fact[];
}

/** The code is the one that the agent's machine shows. */
export function pairingFacts(pairing: Pairing): Shown {
  return {
    title: "Pair an agent",
    facts: [shownFact("Code", pairingCode(pairing), true), shownFact("Agent key", pairing.agent), shownFact("Account", pairing.account)],
  };
}

/** @returns undefined for a setting that has no words here: it is not signed */
export function settingFacts({ setting, value, account }: DeskSetting): Shown | undefined {
  if (!isSettingName(setting)) return undefined;
  return {
    title: TITLES[setting],
    facts: [shownFact("Setting", setting), shownFact("Becomes", value, true), shownFact("Account", account)],
  };
}

const TITLES: Readonly<Record<SettingName, string>> = {
  "keys.set": "Keep the account's keys at this desk",
  "agent.unpair": "Unpair an agent",
  "device.add": "Send notices to this device",
  "device.remove": "Remove a device",
  "webhook.add": "Send notices to an address",
  "webhook.remove": "Remove an address",
  "notices.say-more": "Change what notices say",
};

function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(TITLES, name);
}

/** A fact whose value may be a stranger's text. */
export function shownFact(label: string, value: string, strong = false): Fact {
  return { label, value: showUnsafe(value), ...(strong && { strong }) };
}
