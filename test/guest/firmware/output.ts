/** What the small guest prints on COM1: lines of a word and key=value fields. */

/** One line of the guest. */
export interface GuestLine {
  /** First word: the program, or `boot`, `clock`, `attack`, `exception`, `done`. */
  readonly word: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** The lines of a run; text that is not the guest's (an empty line, a firmware's banner) gives lines too. */
export function parseGuestOutput(text: string): GuestLine[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [word = '', ...rest] = line.split(' ');
      return { word, fields: new Map(rest.map(splitField)) };
    });
}

function splitField(field: string): [string, string] {
  const equals = field.indexOf('=');
  return equals < 0 ? [field, ''] : [field.slice(0, equals), field.slice(equals + 1)];
}

/** The lines that start with this word, in order. */
export function linesOf(lines: readonly GuestLine[], word: string): GuestLine[] {
  return lines.filter((line) => line.word === word);
}

/**
 * A field as a number, decimal or 0x hexadecimal.
 *
 * @throws Error when the line lacks the field, with the line.
 */
export function numberField(line: GuestLine, key: string): number {
  const value = Number(line.fields.get(key) ?? Number.NaN);
  if (Number.isNaN(value)) {
    throw new Error(`no number ${key} in "${line.word} ${[...line.fields].join(' ')}"`);
  }
  return value;
}
