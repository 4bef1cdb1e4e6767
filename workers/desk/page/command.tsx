/** A command or a text that goes elsewhere, to be copied. */

import { useState } from "preact/hooks";

export function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = () => void navigator.clipboard.writeText(text).then(() => setCopied(true));
  return (
    <div class="command">
      <code tabIndex={0} translate={false}>
        {text}
      </code>
      <button type="button" class="plain" onClick={copy}>
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
