/**
 * An owner's key that stays open for a while, in the memory of this process and nowhere else. It is wiped at the end of the period,
 * at Ctrl-C, when the process or the machine is suspended, and when its user is done.
 */

import { duration } from "../../shared/screen/duration.ts";
import { UNLOCK_CHECK_MILLIS, UNLOCK_JUMP_MILLIS } from "../runtime/limits.ts";
import type { RoleSigner } from "./key-file.ts";

export class UnlockedKey {
  #signer: RoleSigner<"owner"> | undefined;
  #clock = clock();
  readonly #onLock: (why: string) => void;
  readonly #ends: () => void;

  /** @param onLock called once, when the key is wiped, with the reason as a sentence */
  constructor(signer: RoleSigner<"owner">, seconds: number, stop: AbortSignal, onLock: (why: string) => void) {
    this.#signer = signer;
    this.#onLock = onLock;
    const over = setTimeout(() => this.lock(`The ${duration(seconds)} are over.`), seconds * 1000);
    const look = setInterval(() => this.#check(), UNLOCK_CHECK_MILLIS);
    for (const timer of [over, look]) timer.unref();
    const interrupted = () => this.lock("Interrupted.");
    stop.addEventListener("abort", interrupted, { once: true });
    // A listener replaces the default action, which is to stop. SIGSTOP cannot be caught: SIGCONT and the clock tell of it.
    const suspended = () => {
      this.lock(SUSPENDED);
      process.kill(process.pid, "SIGSTOP");
    };
    const resumed = () => this.lock(SUSPENDED);
    process.on("SIGTSTP", suspended).on("SIGCONT", resumed);
    this.#ends = () => {
      clearTimeout(over);
      clearInterval(look);
      stop.removeEventListener("abort", interrupted);
      process.off("SIGTSTP", suspended).off("SIGCONT", resumed);
    };
  }

  /** The open key; undefined once it is wiped. */
  get signer(): RoleSigner<"owner"> | undefined {
    this.#check();
    return this.#signer;
  }

  /** Wipes the key. Does nothing the second time. */
  lock(why: string): void {
    if (!this.#signer) return;
    this.#signer.wipe();
    this.#signer = undefined;
    this.#ends();
    this.#onLock(why);
  }

  /** The two clocks part when the machine sleeps or its time is set; both jump when only the process was stopped. */
  #check(): void {
    const [before, now] = [this.#clock, clock()];
    this.#clock = now;
    const [wall, steady] = [now.wall - before.wall, now.steady - before.steady];
    if (Math.abs(wall - steady) > UNLOCK_JUMP_MILLIS || steady > UNLOCK_JUMP_MILLIS) this.lock(SUSPENDED);
  }
}

const SUSPENDED = "The process or the machine was suspended, or its clock was set.";

function clock(): { wall: number; steady: number } {
  return { wall: Date.now(), steady: performance.now() };
}
