/**
 * Reads the options of a device out of a value of unknown shape: a configuration file, the command line, or the `start`
 * message. What is left unread is an error, so that a misspelt option never goes unnoticed.
 */
import { ConfigError } from '../base/errors.ts';

/** What {@link OptionReader.text} accepts. */
export interface TextLimits {
  readonly maxLength?: number;
  readonly pattern?: RegExp;
  /** The pattern in words, for the error. */
  readonly wanted?: string;
}

export class OptionReader {
  readonly #device: string;
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #known = new Set<string>();

  /**
   * @param device names the device in errors.
   * @param value a plain object; a field that is undefined counts as absent.
   * @throws ERR_DEVICE_OPTION
   */
  constructor(device: string, value: unknown) {
    this.#device = device;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ConfigError('ERR_DEVICE_OPTION', `${device}: the options are not a record`);
    }
    const entries = Object.entries(value).filter(([, field]) => field !== undefined);
    this.#values = new Map<string, unknown>(entries);
  }

  /** A string. Required where there is no fallback. */
  text(name: string, fallback: string | undefined, limits: TextLimits = {}): string {
    const value = this.#take(name, fallback);
    const { maxLength = 4096, pattern, wanted = 'of the right form' } = limits;
    if (typeof value !== 'string' || value.length > maxLength) {
      return this.#refuse(name, `a string of at most ${maxLength} characters`, value);
    }
    return pattern === undefined || pattern.test(value) ? value : this.#refuse(name, wanted, value);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#take(name, fallback);
    return typeof value === 'boolean' ? value : this.#refuse(name, 'true or false', value);
  }

  /** An integer from `min` to `max`, both included. */
  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.#take(name, fallback);
    return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? value
      : this.#refuse(name, `an integer from ${min} to ${max}`, value);
  }

  /** One of a few values. */
  oneOf<const T extends string | number>(name: string, fallback: T, allowed: readonly T[]): T {
    const value = this.#take(name, fallback);
    const found = allowed.find((candidate) => candidate === value);
    return found ?? this.#refuse(name, `one of ${allowed.join(', ')}`, value);
  }

  /** Call last. @throws ERR_DEVICE_OPTION when an option was given that nobody asked for. */
  finish(): void {
    for (const name of this.#values.keys()) {
      if (!this.#known.has(name)) {
        const known = [...this.#known].join(', ') || 'none';
        throw new ConfigError(
          'ERR_DEVICE_OPTION',
          `${this.#device}: unknown option "${name}"; there are: ${known}`,
        );
      }
    }
  }

  #take(name: string, fallback: unknown): unknown {
    this.#known.add(name);
    const value = this.#values.has(name) ? this.#values.get(name) : fallback;
    if (value === undefined) {
      throw new ConfigError('ERR_DEVICE_OPTION', `${this.#device}: option "${name}" is missing`);
    }
    return value;
  }

  #refuse(name: string, wanted: string, value: unknown): never {
    const shown = typeof value === 'string' ? `"${value.slice(0, 80)}"` : String(value);
    throw new ConfigError(
      'ERR_DEVICE_OPTION',
      `${this.#device}: option "${name}" must be ${wanted}, not ${shown}`,
    );
  }
}
