/** Reports a long wait: by one line that is redrawn, or, on a stream that cannot redraw, by one line per change. */

import type { Io } from "./io.ts";
import type { Layout } from "./layout.ts";

/** Reports states on stderr. An empty state ends the report and clears the line. */
export function progressOn(stream: Io["stderr"], { moves }: Layout): (state: string) => void {
  let last = "";
  return (state) => {
    if (state === last) return;
    last = state;
    if (moves) stream.write(`\r\u001b[2K${state.slice(0, (stream.columns || 80) - 1)}`);
    else if (state) stream.write(`${state}\n`);
  };
}
