/** How long, in words for people. */

/** `14 min`, `2 h 5 min`, `40 s`. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ""}`;
}

/** `2026-01-01T12:00:00Z (in 14 min)` */
export function deadlineText(timestamp: string, secondsLeft: number): string {
  return `${timestamp} (in ${duration(secondsLeft)})`;
}
