/** Maps with a bound: the newest entries stay. */

/** Sets `key` as the newest entry and evicts the oldest above `limit`. */
export function keepNewest<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, limit: number): void {
  map.delete(key);
  const oldest = map.size >= limit ? map.keys().next() : undefined;
  if (oldest && !oldest.done) map.delete(oldest.value);
  map.set(key, value);
}
