/** What pages show for approval. A reading is signed as it was shown, or not at all. */

import { bytesToHex, randomBytes } from "../../shared/crypto/bytes.ts";
import type { Reading } from "../approval/view-of.ts";
import { MAX_READINGS, READING_SECONDS } from "../runtime/limits.ts";
import { fail, type Outcome, succeed } from "../runtime/outcome.ts";

interface KeptReading {
  reading: Reading;
  /** Seconds of validity, if the owner has shortened it. */
  expiresIn: number | undefined;
}

const READ_AGAIN = { hint: "Read the request again: nothing was signed." };

export class Readings {
  readonly #kept = new Map<string, KeptReading>();

  /** @returns the name under which the page can have it signed */
  keep(kept: KeptReading): string {
    const id = bytesToHex(randomBytes(16));
    this.#kept.set(id, kept);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_READINGS) break;
      this.#kept.delete(oldest);
    }
    return id;
  }

  /** @param now unix seconds @param digest of the request, as the page has computed it */
  find(id: string, digest: string, now: number): Outcome<KeptReading> {
    const kept = this.#kept.get(id);
    if (!kept) return fail("reading_expired", "This desk does not know any more what the page shows.", READ_AGAIN);
    if (now - kept.reading.now > READING_SECONDS) return fail("reading_expired", "The page was open for too long.", READ_AGAIN);
    if (kept.reading.checked.digest !== digest)
      return fail("request_differs", "The page shows another request than the one to be signed.", READ_AGAIN);
    return succeed(kept);
  }

  forget(id: string): void {
    this.#kept.delete(id);
  }
}
