/** How long, in words for people. */

/** `40 s`, `14 min`, `2 h 5 min`, `6 days 23 h`. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return withRest(`${hours} h`, minutes % 60, "min");
  return withRest(`${Math.floor(hours / 24)} days`, hours % 24, "h");
}

function withRest(whole: string, rest: number, unit: string): string {
  return rest ? `${whole} ${rest} ${unit}` : whole;
}

/** `2026-01-01T12:00:00Z (in 14 min)` */
export function deadlineText(timestamp: string, secondsLeft: number): string {
  return `${timestamp} (in ${duration(secondsLeft)})`;
}
