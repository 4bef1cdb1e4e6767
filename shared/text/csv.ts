/** Comma-separated values, RFC 4180: rows for spreadsheets, whose formulas are defused, and rows from other programs. */

/**
 * Spreadsheets run a cell that begins with one of these characters, some also behind blanks or in their full-width forms. Apostrophes
 * before them count too, so that `plainCell` can tell ours from the cell's own.
 */
const FORMULA = /^'*(\s*[=+\-@＝＋－＠]|[\t\r\n])/;

/** One row, without its line end. Every cell is quoted; one that a spreadsheet would run begins with an apostrophe. */
export function csvRow(cells: readonly string[]): string {
  return cells.map((text) => `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`).join(",");
}

/** A cell as it was before `csvRow` defused it. */
export function plainCell(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell.slice(1)) ? cell.slice(1) : cell;
}

/** A field and what ends it: quoted, with doubled quotes, or plain. */
const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;

/**
 * @returns rows with the number of their first line, from 1, empty ones left out; undefined where the text breaks RFC 4180, and the rest is not read
 */
export function* csvRows(text: string): Generator<{ line: number; cells: string[] } | undefined> {
  const end = text.length;
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  let line = 1;
  while (at < end) {
    const cells: string[] = [];
    const start = at;
    for (;;) {
      FIELD.lastIndex = at;
      const found = FIELD.exec(text);
      if (!found) {
        yield undefined;
        return;
      }
      const [whole, quoted, plain = "", ending] = found;
      at += whole.length;
      cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
      if (ending !== ",") break;
    }
    const number = line;
    line += text.slice(start, at).split("\n").length - 1;
    if (cells.length > 1 || cells[0] !== "") yield { line: number, cells: cells.map(plainCell) };
  }
}
