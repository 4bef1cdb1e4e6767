/** Who decides on this page: at the local desk the sealed key, at a hosted one a passkey, or a key on a terminal elsewhere. */

import type { ComponentChildren } from "preact";
import type { DeclineCode, MandateItem, RequestItem } from "../../../shared/desk/api.ts";
import type { ApprovalWire } from "../../../shared/desk/approval-wire.ts";
import type { PartialApproval } from "../../../shared/desk/hosted-api.ts";
import type { ApprovalView } from "../../../shared/screen/view.ts";
import type { Result } from "./client.ts";

/** What the desk knows of a request that waits. */
export interface DeskReading {
  view: ApprovalWire;
  /** Under which the local desk signs it. */
  reading?: string | undefined;
  /** At a hosted desk: what other members of the policy have signed. */
  partial?: PartialApproval | undefined;
}

/** What the page has read for approval. */
export interface PageReading {
  id?: string | undefined;
  view: ApprovalView;
  partial?: PartialApproval | undefined;
  /** By the clock of this browser, in milliseconds. */
  readAt: number;
}

export interface Said {
  /** The amount or the short code, where that is needed. */
  typed: string;
  passphrase?: string | undefined;
}

export interface SaidNo {
  code: DeclineCode;
  note?: string | undefined;
  /** With the sealed key, if that is asked for. */
  passphrase?: string | undefined;
}

/** Sentences for the owner. */
export type Told = { notes: string[] };

export interface Owner {
  /** What a decision takes: the passphrase, nothing at all, a passkey, or a command on the machine that has the key. */
  proof: "passphrase" | "nothing" | "passkey" | "terminal";
  read(request: string, expiresIn: number | undefined): Promise<Result<DeskReading>>;
  approve(reading: PageReading, said: Said): Promise<Result<Told>>;
  decline(item: RequestItem, said: SaidNo): Promise<Result<Told>>;
  /** Of a request on the chain itself, whose keys sign no decisions: unsigned, and as final. */
  declineUnsigned(item: RequestItem, said: SaidNo): Promise<Result<Told>>;
  /** Where the command is typed that decides what no page can: `on this machine`. */
  terminal: string;
  /** Of a desk that can take an approval back. */
  takeBack?: ((item: RequestItem, said: SaidNo) => Promise<Result<Told>>) | undefined;
  revoke(mandate: Pick<MandateItem, "mandate" | "shortCode">, passphrase: string | undefined): Promise<Result<Told>>;
  /** In place of the decision's form, for an owner whose key is not here. */
  elsewhere?: ((item: RequestItem, decided: (notes: string[]) => void) => ComponentChildren) | undefined;
  /** Whether an allowance can be granted on this page. */
  grants: boolean;
}
