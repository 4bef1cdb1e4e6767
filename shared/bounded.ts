/** Memory that stays small: what was put in last is kept longest. */

/** Puts `value` under `key`, as the newest. Above `limit` entries the oldest goes. */
export function keepNewest<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, limit: number): void {
  map.delete(key);
  const oldest = map.keys().next();
  if (map.size >= limit && !oldest.done) map.delete(oldest.value);
  map.set(key, value);
}
