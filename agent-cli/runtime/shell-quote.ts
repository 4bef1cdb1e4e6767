/** Commands as people paste them into a POSIX shell. */

/** As it can be pasted into a POSIX shell. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** An argv as it can be pasted into a shell. */
export function shellLine(argv: readonly string[]): string {
  return argv.map(shellWord).join(" ");
}

/** A long command over several lines, as a shell takes it. A quoted word stays whole, and so do a flag and its value. */
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
