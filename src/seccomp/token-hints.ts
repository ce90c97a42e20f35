/** What to write in place of characters that are not in the language, by the mistakes that people make. */

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^\ufeff/, 'a file without a byte order mark'],
  [/^\.\.\//, 'a path that begins with ./ or /'],
  [/^\./, 'a name without dots, or a path that begins with ./ or /'],
  [/^["'`]/, 'names and paths without quotes'],
  [/^!/, 'the opposite operator: there is no negation'],
  [/^[-+*%^]/, 'a constant: there is no arithmetic'],
  [/^\$/, 'a constant: there are no variables'],
  [/^\\/, 'a backslash as the very last character of the line'],
  [/^@/, '@default, @include, @frequency or @denylist'],
  [/^\//, 'a path with at least one character after the slash'],
];

/** @param text from the invalid character to the end of its line. */
export function hintForInvalidToken(text: string): string {
  const known = HINTS.find(([pattern]) => pattern.test(text));
  return known?.[1] ?? 'ASCII names, numbers and the punctuation of the language';
}
