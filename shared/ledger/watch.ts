/** What an operator watches of one shard. Each call reads it anew; counts are of the object as it runs now. */

export interface Backlog {
  /** Open holds. */
  holds: number;
  /** Unix seconds: the last one in which the hold that ends first can be captured. 0 without holds. */
  firstDeadline: number;
  /** Sessions that are not closed. */
  sessions: number;
  /** Unix seconds: the last one in which the session that ends first can be claimed. 0 without sessions. */
  firstEnd: number;
  /** Credits that other shards have not acknowledged. */
  outbox: number;
}

export interface ShardWatch extends Pick<Backlog, "holds" | "outbox"> {
  halted: boolean;
  /** Seconds since work was due that the alarm has not done: it is late, or its work fails. */
  alarmLate: number;
  /** Seconds since a shard first failed to take what waits for it, and has taken nothing since. */
  undelivered: number;
  /** Unix seconds since which the calls are counted: the start of this object. */
  since: number;
  /** How many calls of each operation ended with each code; `ok` for a success. */
  calls: { operation: string; code: string; count: number }[];
}
