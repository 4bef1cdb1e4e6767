/** Tells the owner of requests, outside the page. */

import { type DeskRefusal, refused } from "../../../shared/desk/codes.ts";
import type { DeskSettings, SettingName } from "../../../shared/desk/hosted-api.ts";
import type { PaymentRequest } from "../../../shared/protocol/payment-request.ts";
import type { DeskEnv } from "../env.ts";
import { deskSetting, putDeskSetting } from "../settings.ts";
import type { DeskStore } from "../store.ts";

export interface AskedNotice {
  requestDigest: string;
  request: PaymentRequest;
  /** The owner's name for the agent. */
  agentName: string;
}

export type NoticeSetting = Exclude<SettingName, "keys.set" | "agent.unpair">;

export class Notices {
  readonly #store: DeskStore;

  constructor(_env: DeskEnv, store: DeskStore) {
    this.#store = store;
  }

  /** A request came, and waits for its owner. Returns at once. */
  asked(_notice: AskedNotice): void {}

  /** When `due` wants to be called, in unix seconds. */
  nextAt(): number | undefined {
    return undefined;
  }

  async due(_now: number): Promise<void> {}

  /** @param value JSON text, of an owner's signed setting @returns why it cannot be set */
  set(name: NoticeSetting, value: unknown, _now: number): DeskRefusal | undefined {
    if (name !== "notices.say-more") return refused("unsupported");
    putDeskSetting(this.#store, "notices-say-more", JSON.stringify(value));
    return undefined;
  }

  view(): Pick<DeskSettings, "devices" | "webhooks" | "noticesSayMore"> {
    return { devices: [], webhooks: [], noticesSayMore: deskSetting(this.#store, "notices-say-more") === '{"on":true}' };
  }
}
