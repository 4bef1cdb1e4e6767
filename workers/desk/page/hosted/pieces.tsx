/** Small parts of the hosted desk's pages. */

import { Field } from "../field.tsx";

/** The text of a file that the owner chooses. */
export function FileField({ label, hint, take }: { label: string; hint?: string; take: (text: string) => void }) {
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      {(id, described) => (
        <input
          id={id}
          aria-describedby={described}
          type="file"
          accept=".json,application/json"
          onChange={({ currentTarget: { files } }) => void files?.[0]?.text().then(take)}
        />
      )}
    </Field>
  );
}

interface TextProps {
  label: string;
  hint?: string;
  value: string;
  /** Shown as dots. */
  secret?: boolean;
  required?: boolean;
  set: (value: string) => void;
}

export function TextField({ label, hint, value, secret = false, required = true, set }: TextProps) {
  return (
    <Field label={label} {...(hint !== undefined && { hint })}>
      {(id, described) => {
        const attributes = {
          id,
          "aria-describedby": described,
          required,
          value,
          autocomplete: "off",
          spellcheck: false,
          onInput: ({ currentTarget }: { currentTarget: HTMLInputElement }) => set(currentTarget.value),
        };
        return secret ? <input {...attributes} type="password" /> : <input {...attributes} type="text" />;
      }}
    </Field>
  );
}
