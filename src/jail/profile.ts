/**
 * Jail profiles, `policy/<device>.json`: all that a device process gets from the parent, and all that it may ask for.
 *
 * A new device adds a profile and a seccomp policy; nothing in this folder changes. `policy/profile.schema.json` says
 * the same for editors and for the policy audit; a test holds the two together. The check here is hand-made because a
 * start of the machine waits for it: loading and compiling a schema takes longer than starting a device.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from '../base/errors.ts';
import { boolean, type Check, integer, list, literal, record, text } from '../ipc/schema.ts';
import { NAMESPACE_FLAGS, type NamespaceName } from './namespaces.ts';
import { type ProfileRlimit, RLIMIT_NUMBERS, type RlimitName } from './rlimits.ts';

/** What a device process may send to the parent besides replies: the message types of the device protocol. */
export const DEVICE_REQUESTS = [
  'described',
  'ready',
  'resetDone',
  'config',
  'needsReset',
  'failed',
] as const;
export type DeviceRequest = (typeof DEVICE_REQUESTS)[number];

/** A path of the host that the device sees under the same or another name. */
export interface ProfileMount {
  readonly source: string;
  readonly target: string;
  readonly directory: boolean;
  readonly executable: boolean;
  readonly writable: boolean;
}

/** A descriptor that the parent opens and sends with the message `start`, in the order of the profile. */
export interface ProfileDescriptor {
  readonly name: string;
  /** What the device does with it. */
  readonly purpose: string;
}

export interface JailProfile {
  /** Name of the device kind, and of the profile's file. */
  readonly device: string;
  /** Why the jail is as it is, for readers and for the audit's report. */
  readonly summary: string;
  readonly namespaces: readonly NamespaceName[];
  readonly rlimits: readonly ProfileRlimit[];
  readonly mounts: readonly ProfileMount[];
  readonly descriptors: readonly ProfileDescriptor[];
  /** File name below `seccomp/<arch>/`. */
  readonly seccompPolicy: string;
  /** Flags of Node and V8. */
  readonly v8Flags: readonly string[];
  readonly requests: readonly DeviceRequest[];
}

function keysOf<K extends string>(table: Readonly<Record<K, unknown>>): readonly K[] {
  // CAST: the tables are literals of this folder, without inherited or added keys.
  return Object.keys(table) as K[];
}

function refuse(path: string, wanted: string): never {
  throw new ConfigError('ERR_JAIL_PROFILE', `${path} must be ${wanted}`);
}

function oneOf<const T extends string>(choices: readonly T[]): Check<T> {
  return (value, path) =>
    choices.find((choice) => choice === value) ?? refuse(path, `one of ${choices.join(', ')}`);
}

function matching(pattern: RegExp, wanted: string): Check<string> {
  return (value, path) =>
    typeof value === 'string' && pattern.test(value) ? value : refuse(path, wanted);
}

/** A list without repetitions; `key` says what makes two elements the same. */
function distinct<T>(
  element: Check<T>,
  maxLength: number,
  key: (item: T) => unknown,
): Check<readonly T[]> {
  const each = list(element, maxLength);
  return (value, path) => {
    const items = each(value, path);
    return new Set(items.map(key)).size === items.length
      ? items
      : refuse(path, 'a list without repetitions');
  };
}

/** Also the patterns of the schema; see there for what they mean. */
const DEVICE_NAME = /^[a-z][a-z0-9_]{0,31}$/;
const ABSOLUTE_PATH = /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/;
const POLICY_FILE = /^[a-z][a-z0-9_]*\.policy$/;
const V8_FLAG = /^--[a-z][a-z0-9-]*(=[a-z0-9]+)?$/;
const SUMMARY_LENGTH_MAX = 1000;

const absolutePath = matching(ABSOLUTE_PATH, 'an absolute path without "." and ".."');

const namespaces: Check<readonly NamespaceName[]> = (value, path) => {
  const names = distinct(oneOf(keysOf(NAMESPACE_FLAGS)), 7, (name) => name)(value, path);
  // Without them the jail's mounts would be the host's, and no ordinary user could make a jail.
  return names.includes('user') && names.includes('mount')
    ? names
    : refuse(path, 'a list with "user" and "mount" in it');
};

const profile: Check<JailProfile & { readonly $schema: string }> = record({
  $schema: literal('./profile.schema.json'),
  device: matching(DEVICE_NAME, 'a lower-case name'),
  summary: text(SUMMARY_LENGTH_MAX),
  namespaces,
  rlimits: distinct(
    record({
      resource: oneOf<RlimitName>(keysOf(RLIMIT_NUMBERS)),
      limit: integer(0, Number.MAX_SAFE_INTEGER),
    }),
    keysOf(RLIMIT_NUMBERS).length,
    ({ resource }) => resource,
  ),
  mounts: distinct(
    record({
      source: absolutePath,
      target: absolutePath,
      directory: boolean,
      executable: boolean,
      writable: boolean,
    }),
    16,
    ({ target }) => target,
  ),
  descriptors: distinct(
    record({
      name: matching(DEVICE_NAME, 'a lower-case name'),
      purpose: text(SUMMARY_LENGTH_MAX),
    }),
    16,
    ({ name }) => name,
  ),
  seccompPolicy: matching(POLICY_FILE, 'the name of a .policy file'),
  v8Flags: distinct(matching(V8_FLAG, 'a flag such as --jitless'), 16, (flag) => flag),
  requests: distinct(oneOf(DEVICE_REQUESTS), DEVICE_REQUESTS.length, (request) => request),
});

/**
 * Checks a profile of unknown shape.
 *
 * @param name how to call it in errors.
 * @throws ERR_JAIL_PROFILE naming the field.
 */
export function checkProfile(value: unknown, name: string): JailProfile {
  try {
    return profile(value, 'profile');
  } catch (error) {
    throw new ConfigError('ERR_JAIL_PROFILE', `${name} is not a jail profile`, { cause: error });
  }
}

/**
 * Reads the profile of a device kind.
 *
 * @param directory the project's `policy/`, as a rule.
 * @throws ERR_JAIL_PROFILE
 */
export function loadProfile(directory: string, device: string): JailProfile {
  const path = join(directory, `${device}.json`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError('ERR_JAIL_PROFILE', `cannot read the jail profile ${path}`, {
      cause: error,
    });
  }
  const checked = checkProfile(value, path);
  if (checked.device !== device) {
    throw new ConfigError(
      'ERR_JAIL_PROFILE',
      `${path} is the profile of "${checked.device}", not of "${device}"`,
    );
  }
  return checked;
}
