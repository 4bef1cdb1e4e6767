/** A DeliveryStore in this isolate, bounded. It suffices beside our facilitator, but is lost with the isolate. */

import { keepNewest } from "../../../../shared/bounded.ts";
import type { Digest } from "../../../../shared/crypto/digest.ts";
import { MAX_PENDING_SETTLEMENTS } from "../../../../shared/limits.ts";
import type { DeliveryStore } from "../types.ts";
import { type LeaseEntry, Leases } from "./leases.ts";

export function isolateDeliveries(): DeliveryStore {
  const entries = new Map<Digest, LeaseEntry>();
  const runs = new Map<Digest, number>();
  const leases = new Leases(
    {
      get: (key) => entries.get(key),
      set: (key, entry) => keepNewest(entries, key, entry, MAX_PENDING_SETTLEMENTS),
      delete: (key) => entries.delete(key),
    },
    {
      countOthers: (key, since, until) => [...runs].filter(([other, at]) => other !== key && at > since && at <= until).length,
      start: (key, at) => keepNewest(runs, key, at, MAX_PENDING_SETTLEMENTS),
      end: (key) => runs.delete(key),
    },
  );
  return {
    startRun: async (...args) => leases.startRun(...args),
    endRun: async (...args) => leases.endRun(...args),
    begin: async (...args) => leases.begin(...args),
    resume: async (...args) => leases.resume(...args),
    finish: async (...args) => leases.finish(...args),
    deliver: async (...args) => leases.deliver(...args),
  };
}
