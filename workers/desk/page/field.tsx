/** A field of a form, with its label and what it is for. */

import type { ComponentChildren } from "preact";

interface FieldProps {
  label: string;
  hint?: string;
  children: (id: string, hint: string | undefined) => ComponentChildren;
}

export function Field({ label, hint, children }: FieldProps) {
  const id = `field-${label.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <p id={`${id}-hint`} class="quiet small">
          {hint}
        </p>
      )}
      {children(id, hint === undefined ? undefined : `${id}-hint`)}
    </div>
  );
}

/** Takes the passphrase out of its field: the page keeps none. */
export function take(field: HTMLInputElement | null): string {
  const value = field?.value ?? "";
  if (field) field.value = "";
  return value;
}
