/** An ObjectStore on disk: the tables of a `Sessions` object. */

import type { Session } from "../../../../shared/protocol/session.ts";
import type { SignedVoucher } from "../../../../shared/protocol/voucher.ts";
import { integer, nullable, row, text } from "../../../../shared/row.ts";
import type { SessionStanding } from "../../../../shared/settlement/backend.ts";
import type { LaneRow, OwnRow } from "./book.ts";
import { type HeldVoucher, heldVoucher } from "./held-voucher.ts";
import { hasTables, migrateSessions } from "./schema.ts";
import type { ObjectStore, SessionRecord } from "./session-object.ts";

const sessionRow = row({ config: text(), standing: text(), closing: integer() });
const ownRow = row({ spent: text(), best: nullable(text()), claimed: text(), serial_ceiling: integer() });
const laneRow = row({
  id: text(),
  most: text(),
  spent: text(),
  lease_until: integer(),
  folded: integer(),
  best: nullable(text()),
  claimed: text(),
});

export class SessionTables implements ObjectStore {
  readonly #storage: DurableObjectStorage;
  /** Sets the alarm that will find the tables, in the transaction that makes them. */
  readonly #onMake: () => void;
  #exists: boolean;

  constructor(storage: DurableObjectStorage, onMake: () => void) {
    this.#storage = storage;
    this.#onMake = onMake;
    this.#exists = hasTables(storage);
    if (this.#exists) migrateSessions(storage);
  }

  /** Leaves the schema's version behind: older code, after a rollback, must find it. */
  make(): void {
    migrateSessions(this.#storage);
    this.#exists = true;
  }

  session(): SessionRecord | undefined {
    const [found] = this.#rows("SELECT config, standing, closing FROM session");
    if (!found) return undefined;
    const { config, standing, closing } = sessionRow(found);
    return { config: JSON.parse(config) as Session, standing: JSON.parse(standing) as SessionStanding, isClosing: closing === 1 };
  }

  putSession({ config, standing, isClosing }: SessionRecord): void {
    if (!this.#exists) {
      this.#onMake();
      this.make();
    }
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO session (one, config, standing, closing) VALUES (1, ?, ?, ?)",
      JSON.stringify(config),
      JSON.stringify(standing),
      isClosing ? 1 : 0,
    );
  }

  own(): OwnRow<HeldVoucher> | undefined {
    const [found] = this.#rows("SELECT spent, best, claimed, serial_ceiling FROM own_lane");
    if (!found) return undefined;
    const { spent, best, claimed, serial_ceiling: serialCeiling } = ownRow(found);
    return { spent: BigInt(spent), best: voucherOf(best), claimed: BigInt(claimed), serialCeiling };
  }

  putOwn({ spent, best, claimed, serialCeiling }: OwnRow<HeldVoucher>): void {
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO own_lane (one, spent, best, claimed, serial_ceiling) VALUES (1, ?, ?, ?, ?)",
      String(spent),
      textOf(best),
      String(claimed),
      serialCeiling,
    );
  }

  lanes(): LaneRow<HeldVoucher>[] {
    return this.#rows("SELECT id, most, spent, lease_until, folded, best, claimed FROM lane").map((found) => {
      const { id, most, spent, lease_until: leaseUntil, folded, best, claimed } = laneRow(found);
      const sums = { limit: BigInt(most), spent: BigInt(spent), claimed: BigInt(claimed) };
      return { id, ...sums, leaseUntil, folded: folded === 1, best: voucherOf(best) };
    });
  }

  putLane({ id, limit, spent, leaseUntil, folded, best, claimed }: LaneRow<HeldVoucher>): void {
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO lane (id, most, spent, lease_until, folded, best, claimed) VALUES (?, ?, ?, ?, ?, ?, ?)",
      id,
      String(limit),
      String(spent),
      leaseUntil,
      folded ? 1 : 0,
      textOf(best),
      String(claimed),
    );
  }

  deleteLane(id: string): void {
    this.#storage.sql.exec("DELETE FROM lane WHERE id = ?", id);
  }

  async deleteAll(): Promise<void> {
    this.#exists = false;
    await Promise.all([this.#storage.deleteAll(), this.#storage.deleteAlarm()]);
  }

  #rows(query: string): Record<string, unknown>[] {
    return this.#exists ? this.#storage.sql.exec(query).toArray() : [];
  }
}

function voucherOf(json: string | null): HeldVoucher | undefined {
  return json === null ? undefined : heldVoucher(JSON.parse(json) as SignedVoucher);
}

function textOf(voucher: HeldVoucher | undefined): string | null {
  return voucher ? JSON.stringify(voucher.signed) : null;
}
