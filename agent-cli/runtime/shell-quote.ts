/** Quotes commands, so that people can paste them into a POSIX shell. */

/** One word, quoted if necessary. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A whole argv. */
export function shellLine(argv: readonly string[]): string {
  return argv.map(shellWord).join(" ");
}

/** Breaks a long command into several lines with backslashes. Quoted words stay whole, and so do a flag and its value. */
export function breakLine(line: string, width: number): string {
  const lines: string[] = [];
  let current = "";
  for (const part of line.match(/-[\w-]+ (?:"[^"]*"|'[^']*'|[^\s-]\S*)|\S+/g) ?? []) {
    if (current && current.length + part.length + 1 > width) {
      lines.push(`${current} \\`);
      current = `  ${part}`;
    } else current = current ? `${current} ${part}` : part;
  }
  return [...lines, current].map((text) => `  ${text}`).join("\n");
}
