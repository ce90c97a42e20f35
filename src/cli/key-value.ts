/**
 * Option values of the form `first,key=value,flag,list=[a,b]`, as crosvm's `--block` and `--serial` take them.
 *
 * The name of the first key may be left out; `-` and `_` in keys are the same; a key alone means `true`.
 */
import { ConfigError } from '../base/errors.ts';
import { suggestion } from './suggest.ts';

/** What a key takes. */
export type KeyKind = 'text' | 'flag' | 'integer';

/** The keys of an option by their names with dashes, the one whose name may be left out first. */
export type KeyKinds = Readonly<Record<string, KeyKind>>;

type ValueOf<K extends KeyKind> = K extends 'text' ? string : K extends 'flag' ? boolean : number;

/** The parsed value: keys that were not given are absent. */
export type KeyValues<K extends KeyKinds> = { readonly [N in keyof K]?: ValueOf<K[N]> };

function fail(option: string, text: string, problem: string): never {
  throw new ConfigError('ERR_OPTION_VALUE', `${option} ${text}: ${problem}`);
}

/** Splits at commas outside brackets. */
function splitFields(option: string, text: string): string[] {
  const fields: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '[') {
      depth++;
    } else if (character === ']') {
      depth--;
      if (depth < 0) {
        fail(option, text, `"]" without "[" at position ${at}`);
      }
    } else if (character === ',' && depth === 0) {
      fields.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (depth > 0) {
    fail(option, text, 'a "[" is never closed');
  }
  fields.push(text.slice(start));
  return fields;
}

/** Parses an integer in decimal or with `0x`; undefined for anything else. */
export function parseInteger(text: string): number | undefined {
  if (!/^(?:0x[0-9a-f]+|[0-9]+)$/i.test(text)) {
    return undefined;
  }
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function parseValue(
  option: string,
  text: string,
  key: string,
  kind: KeyKind,
  value: string | undefined,
): string | boolean | number {
  switch (kind) {
    case 'flag':
      if (value === undefined || value === 'true') {
        return true;
      }
      return value === 'false'
        ? false
        : fail(option, text, `"${key}" takes true or false, not "${value}"`);
    case 'integer': {
      const parsed = value === undefined ? undefined : parseInteger(value);
      return parsed ?? fail(option, text, `"${key}" takes a whole number, not "${value ?? ''}"`);
    }
    case 'text':
      return value === undefined || value === ''
        ? fail(option, text, `"${key}" needs a value: ${key}=…`)
        : value;
  }
}

/**
 * Parses one option value.
 *
 * @param option the option as the user wrote it, for messages: `--block`.
 * @param text its value.
 * @throws ERR_OPTION_VALUE naming the option, what was wrong and what would be right.
 */
export function parseKeyValues<const K extends KeyKinds>(
  option: string,
  text: string,
  kinds: K,
): KeyValues<K> {
  const names = Object.keys(kinds);
  const result: Record<string, string | boolean | number> = {};
  splitFields(option, text).forEach((field, position) => {
    const equals = field.indexOf('=');
    let key = (equals < 0 ? field : field.slice(0, equals)).replaceAll('_', '-');
    let value = equals < 0 ? undefined : field.slice(equals + 1);
    const first = names[0];
    if (position === 0 && first !== undefined && equals < 0 && kinds[key] === undefined) {
      key = first;
      value = field;
    }
    const kind = Object.hasOwn(kinds, key) ? kinds[key] : undefined;
    if (kind === undefined) {
      fail(
        option,
        text,
        `unknown key "${key}"${suggestion(key, names)} (known: ${names.join(', ')})`,
      );
    }
    if (Object.hasOwn(result, key)) {
      fail(option, text, `"${key}" is given twice`);
    }
    result[key] = parseValue(option, text, key, kind, value);
  });
  // CAST: every entry was parsed by the kind that K gives its key.
  return result as KeyValues<K>;
}
