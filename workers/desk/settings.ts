/** Single values that an object keeps, by name. */

import type { DeskStore } from "./store.ts";

/** `account`: whose object it is. `login-key`: seals the nonces of logins. `keys`: a KeyRecord. `origin`: the desk's, for alarms. */
type Name = "account" | "login-key" | "keys" | "origin" | "notices-say-more";

export function deskSetting(store: DeskStore, name: Name): string | undefined {
  const [found] = store.sql("SELECT value FROM setting WHERE name = ?", name);
  return found && String(found["value"]);
}

export function putDeskSetting(store: DeskStore, name: Name, value: string): void {
  store.sql("INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value);
}
