/** The cookie of a login: the account, which names the object, and a token of which the object has the hash. */

import { DESK_LOGIN_SECONDS } from "../../shared/limits.ts";
import { type AccountId, isAccountId } from "../../shared/protocol/account.ts";

/** Browsers keep a cookie of this prefix from its own host alone, over https, for all paths. */
const NAME = "__Host-desk";
const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict";
const TOKEN = /^[0-9a-f]{64}$/;

export function loginCookie(account: AccountId, token: string): string {
  return `${NAME}=${account}.${token}; ${ATTRIBUTES}; Max-Age=${DESK_LOGIN_SECONDS}`;
}

export const NO_COOKIE = `${NAME}=; ${ATTRIBUTES}; Max-Age=0`;

/** @returns undefined unless there is exactly one, and it is well-formed */
export function loginIn(header: string | null): { account: AccountId; token: string } | undefined {
  const own = (header ?? "").split(";").flatMap((part) => {
    const [name = "", ...value] = part.trim().split("=");
    return name === NAME ? [value.join("=")] : [];
  });
  const [account, token, ...rest] = own.length === 1 ? (own[0]?.split(".") ?? []) : [];
  return isAccountId(account) && TOKEN.test(token ?? "") && token !== undefined && rest.length === 0 ? { account, token } : undefined;
}
