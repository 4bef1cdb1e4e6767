/** The style sheet of the seller's page, and the policy that allows it and nothing else. */

import { hexToBytes, toBase64, utf8 } from "../../../../shared/crypto/bytes.ts";
import { bodyDigest } from "../../../../shared/crypto/digest.ts";
import { LOOK } from "../../../../shared/screen/look.ts";

const RULES = `
*, *::before, *::after { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: var(--body)/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
h1, h2, p, dl, dd, ol { margin: 0; padding: 0 }
h1 { font-size: var(--huge); font-weight: 680; letter-spacing: -.015em; line-height: 1.2 }
h2 { font-size: var(--body); font-weight: 650; margin-bottom: 10px }
ol { list-style: none }
a { color: var(--accent); text-underline-offset: 3px }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .92em }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; border-radius: 6px }
main { max-width: 1040px; margin: 0 auto; padding: 28px 20px 72px }
section { margin-top: 28px }
.quiet, dt, th { color: var(--quiet); font-size: var(--small) }
dt, th { font-weight: 550 }
.id { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .9em; word-break: break-all }
.note { border: 1px solid var(--line); border-radius: var(--radius); padding: 12px 16px; margin-top: 16px; font-size: var(--small) }
.good { background: var(--accent-soft); border-color: transparent }
.warn { background: var(--warn-back); border-color: var(--warn-line); color: var(--warn) }
.bad { background: var(--bad-back); border-color: var(--bad-line); color: var(--bad) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius); box-shadow: var(--shadow); padding: 16px 18px }
form { display: flex; flex-wrap: wrap; align-items: end; gap: 12px; margin-top: 20px }
label { font-size: var(--tiny); font-weight: 600; flex: 1 1 9rem; max-width: 16rem }
input, select { display: block; width: 100%; height: 46px; margin-top: 4px; padding: 0 12px; font: inherit; font-size: var(--body); font-weight: 400; color: inherit; background: var(--card); border: 1px solid color-mix(in srgb, var(--ink) 45%, transparent); border-radius: 8px }
button { height: 46px; padding: 0 20px; border: 0; border-radius: 8px; background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 650; cursor: pointer }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 10rem), 1fr)); gap: 16px; margin-top: 24px }
.numbers > div { display: flex; flex-direction: column; justify-content: space-between }
.numbers dt { font-size: var(--tiny) }
.numbers dd { font-size: var(--large); font-weight: 660 }
.numbers .first { grid-column: 1 / -1 }
.numbers .first dd { font-size: var(--sum); font-weight: 720; letter-spacing: -.03em; line-height: 1.15 }
.card .numbers { margin: 0 0 12px }
.days li { display: grid; grid-template-columns: 6rem minmax(0, 1fr) 11rem; gap: 4px 14px; align-items: center; padding: 5px 0; font-size: var(--small) }
.days svg { display: block; width: 100%; height: 12px; border-radius: 4px }
.days .sum { text-align: right }
.days + p { margin-top: 8px }
rect { fill: var(--accent) }
rect.track { fill: color-mix(in srgb, var(--ink) 8%, transparent) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: var(--small) }
th, td { text-align: left; vertical-align: top; padding: 8px 14px 8px 0; border-top: 1px solid var(--line) }
thead th { border-top: 0 }
td { min-width: 6rem }
.number { text-align: right; white-space: nowrap }
.files { margin-top: 28px }
@media (width < 560px) {
  main { padding: 20px 16px 56px }
  .days li { grid-template-columns: 1fr auto }
  .days svg { grid-row: 2; grid-column: 1 / -1 }
}
`;

export const STYLE = `${LOOK}${RULES}`;

/** No script, no frame, no picture, no address but its own. Made when asked for: a Worker that starts has no page to show yet. */
export function pageHeaders(): Record<string, string> {
  const style = toBase64(hexToBytes(bodyDigest(utf8(STYLE))));
  return {
    "Content-Security-Policy": `default-src 'none'; style-src 'sha256-${style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
  };
}
