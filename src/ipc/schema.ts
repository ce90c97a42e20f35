/**
 * Checks for messages of unknown shape. A check returns the value under its type or throws; a record with a field
 * that is missing, too much or of the wrong kind is refused.
 */
import { ProtocolError } from '../base/errors.ts';

/** Turns an unknown value into a checked one. `path` names it in the error. */
export type Check<T> = (value: unknown, path: string) => T;

/** The type that a check yields. */
export type Checked<C> = C extends Check<infer T> ? T : never;

function refuse(path: string, wanted: string, value: unknown): never {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  throw new ProtocolError('ERR_IPC_SCHEMA', `${path} must be ${wanted}, not ${kind}`);
}

/** An integer from `min` to `max`, both included. */
export function integer(min: number, max: number): Check<number> {
  return (value, path) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : refuse(path, `an integer from ${min} to ${max}`, value);
}

/** An unsigned 64-bit integer, such as a set of feature bits. */
export const u64: Check<bigint> = (value, path) => {
  const big = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
  return typeof big === 'bigint' && big >= 0n && big < 1n << 64n
    ? big
    : refuse(path, 'an unsigned 64-bit integer', value);
};

export const boolean: Check<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : refuse(path, 'a boolean', value);

/** A string of at most `maxLength` characters. */
export function text(maxLength: number): Check<string> {
  return (value, path) =>
    typeof value === 'string' && value.length <= maxLength
      ? value
      : refuse(path, `a string of at most ${maxLength} characters`, value);
}

/** At most `maxBytes` bytes. */
export function bytes(maxBytes: number): Check<Uint8Array> {
  return (value, path) =>
    value instanceof Uint8Array && value.length <= maxBytes
      ? value
      : refuse(path, `at most ${maxBytes} bytes`, value);
}

/** Exactly this value. */
export function literal<const T extends string | number | boolean>(wanted: T): Check<T> {
  return (value, path) => (value === wanted ? wanted : refuse(path, `"${String(wanted)}"`, value));
}

/** An array of at most `maxLength` elements that all pass a check. */
export function list<T>(element: Check<T>, maxLength: number): Check<readonly T[]> {
  return (value, path) =>
    Array.isArray(value) && value.length <= maxLength
      ? value.map((item: unknown, index) => element(item, `${path}[${index}]`))
      : refuse(path, `an array of at most ${maxLength} elements`, value);
}

/** The value or null. */
export function nullable<T>(inner: Check<T>): Check<T | null> {
  return (value, path) => (value === null ? null : inner(value, path));
}

/** Anything: for a part that its reader checks, a device's own options for example. */
export const anything: Check<unknown> = (value) => value;

function asRecord(value: unknown, path: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse(path, 'a record', value);
  }
  // CAST: a non-null object that is no array can be read by key.
  return value as Readonly<Record<string, unknown>>;
}

/** A record with exactly these fields. */
export function record<S extends Readonly<Record<string, Check<unknown>>>>(
  fields: S,
): Check<{ readonly [K in keyof S]: Checked<S[K]> }> {
  const names = Object.keys(fields);
  return (value, path) => {
    const source = asRecord(value, path);
    for (const name of Object.keys(source)) {
      if (!Object.hasOwn(fields, name)) {
        throw new ProtocolError('ERR_IPC_SCHEMA', `${path} has the unknown field "${name}"`);
      }
    }
    const result: Record<string, unknown> = {};
    for (const name of names) {
      result[name] = fields[name]?.(source[name], `${path}.${name}`);
    }
    // CAST: every field of S was checked just now.
    return result as { readonly [K in keyof S]: Checked<S[K]> };
  };
}

/** One of several records, told apart by their field `type`. */
export function union<S extends Readonly<Record<string, Check<unknown>>>>(
  members: S,
): Check<{ [K in keyof S]: Checked<S[K]> }[keyof S]> {
  return (value, path) => {
    const type = asRecord(value, path)['type'];
    if (typeof type !== 'string' || !Object.hasOwn(members, type)) {
      throw new ProtocolError('ERR_IPC_SCHEMA', `${path}.type is not a known message type`);
    }
    // CAST: `type` is an own key of `members`.
    return members[type]?.(value, path) as { [K in keyof S]: Checked<S[K]> }[keyof S];
  };
}
