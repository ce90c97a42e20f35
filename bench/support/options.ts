/** What a benchmark is told: `npm run bench -- idle --quick`. */

/** True when the option is among the arguments. */
export function hasOption(name: `--${string}`): boolean {
  return process.argv.includes(name);
}

/**
 * A number from the environment.
 *
 * @param otherwise used where the variable is not set.
 * @throws Error for what is not a positive whole number.
 */
export function numberFromEnvironment(name: string, otherwise: number): number {
  const text = process.env[name];
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`${name}=${text ?? ''}: a whole number of at least 1 is expected`);
  }
  return value;
}

/** Shorter and less exact: to see that a benchmark runs. */
export const QUICK = hasOption('--quick');
