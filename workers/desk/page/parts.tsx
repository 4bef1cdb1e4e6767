/** Small parts of every page. Text from strangers passes `Foreign`, and is a text node. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { duration } from "../../../shared/screen/duration.ts";
import { showUnsafe } from "../../../shared/screen/escapes.ts";
import type { Problem } from "./client.ts";

/** A stranger's words. What could move, hide or imitate something is shown as its number. */
export function Foreign({ text }: { text: string }) {
  return <bdi class="foreign">{showUnsafe(text)}</bdi>;
}

/** The page's heading. It gets the focus when the page opens, so that a screen reader begins there. */
export function Heading({ children, class: className = "" }: { children: ComponentChildren; class?: string }) {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => ref.current?.focus({ preventScroll: true }), []);
  return (
    <h1 ref={ref} tabIndex={-1} class={className}>
      {children}
    </h1>
  );
}

export function Trouble({ problem, again }: { problem: Problem; again?: (() => void) | undefined }) {
  return (
    <div class="note bad" role="alert">
      <p>
        <Foreign text={problem.message} />
      </p>
      {problem.hint !== undefined && (
        <p class="quiet">
          <Foreign text={problem.hint} />
        </p>
      )}
      {again && (
        <button type="button" class="plain" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Notes({ notes }: { notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <ul class="note warn list">
      {notes.map((note) => (
        <li key={note}>
          <Foreign text={note} />
        </li>
      ))}
    </ul>
  );
}

export function Empty({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      <p class="quiet">{children}</p>
    </div>
  );
}

export function Loading() {
  return (
    <p class="quiet" role="status">
      Loading…
    </p>
  );
}

/** A key or an account: shown whole, in groups that can be compared. */
export function Id({ text }: { text: string }) {
  return (
    <span class="id" translate={false}>
      <Foreign text={text} />
    </span>
  );
}

/** `2026-01-31 12:00`, in the reader's own time zone, with the exact time beside it. */
export function Time({ at }: { at: string }) {
  const date = new Date(at);
  const shown = Number.isNaN(date.getTime()) ? showUnsafe(at) : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return (
    <time dateTime={at} title={at}>
      {shown}
    </time>
  );
}

/** Seconds until then, counted by this browser from when the answer came. 0 once it is over. */
export function useSecondsLeft(secondsLeft: number, key: string): number {
  const [end, setEnd] = useState(() => Date.now() + secondsLeft * 1000);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => setEnd(Date.now() + secondsLeft * 1000), [key]);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return Math.max(0, Math.round((end - now) / 1000));
}

export function TimeLeft({ seconds }: { seconds: number }) {
  return <span class={seconds < 300 ? "left soon" : "left"}>{seconds > 0 ? `${duration(seconds)} left` : "expired"}</span>;
}

export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** Gives the browser a file to keep. */
export function saveFile({ name, type, text }: { name: string; type: string; text: string }): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
