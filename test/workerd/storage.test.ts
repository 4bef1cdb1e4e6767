/** What the ledger's rules ask of a store, of the one that a Durable Object has. */

import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { durableStore } from "../../workers/ledger-do/storage.ts";
import { newLedger } from "./ledger.ts";

test("a transaction that throws has written nothing, within another one as well", () =>
  runInDurableObject(newLedger(), (_, { storage }) => {
    const { sql, transact } = durableStore(storage);
    const write = (n: number) => sql("INSERT INTO written VALUES (?)", n);
    const failing = (n: number) => () => {
      write(n);
      throw new Error(`not ${n}`);
    };
    sql("CREATE TABLE written (n INTEGER)");
    expect(() => transact(failing(1))).toThrow("not 1");
    transact(() => {
      write(2);
      expect(() => transact(failing(3))).toThrow("not 3");
    });
    expect(sql("SELECT n FROM written")).toEqual([{ n: 2 }]);
  }));

// The day this fails is the day to write the tool that spec/architecture.md ("Restoring") does without.
test("a Durable Object on this machine cannot be set back [storage-no-restore]", () =>
  runInDurableObject(newLedger(), async (_, { storage }) => {
    await expect(storage.getBookmarkForTime(Date.now() - 1000)).rejects.toThrow("does not implement point-in-time recovery");
    await expect(storage.onNextSessionRestoreBookmark(await storage.getCurrentBookmark())).rejects.toThrow("point-in-time recovery");
  }));
