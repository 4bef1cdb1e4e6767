/** One line of what a person reads: a label and a value, as plain text. */

export interface Fact {
  label: string;
  value: string;
  /** Shown with emphasis. */
  strong?: true;
}
