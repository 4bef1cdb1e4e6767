/** How a long wait is reported: on a terminal a line that is overwritten, elsewhere a line only when something changes. */
import type { Io } from "./io.ts";

/** Reports states on stderr. An empty state ends the report and clears the line. */
export function progressOn(stream: Io["stderr"]): (state: string) => void {
  let last = "";
  return (state) => {
    if (state === last) return;
    last = state;
    if (stream.isTTY === true) stream.write(`\r\u001b[2K${state.slice(0, (stream.columns ?? 80) - 1)}`);
    else if (state) stream.write(`${state}\n`);
  };
}
