/** The shell script that the nested host runs: our environment, our directory, the command. */

/** Variables that the command finds in there as they are here. */
const PASSED_VARIABLES = ['PATH', 'HOME', 'TERM', 'CI', 'CROSVM_NODE_CACHE', 'XDG_CACHE_HOME'];

/** Variable that is set in there, for programs that want to know where they are. */
export const NESTED_HOST_MARKER = 'CROSVM_NESTED_HOST';

/**
 * Makes the script.
 *
 * @param command program and arguments, passed on byte by byte.
 */
export function commandScript(
  command: readonly string[],
  directory: string,
  environment: NodeJS.ProcessEnv,
): string {
  const exports = PASSED_VARIABLES.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [`export ${name}=${quote(value)}`];
  });
  return [
    ...exports,
    `export LANG=C.UTF-8 ${NESTED_HOST_MARKER}=1`,
    `cd ${quote(directory)} || exit 125`,
    `exec ${command.map(quote).join(' ')}`,
    '',
  ].join('\n');
}

/** Quotes a word for the shell: nothing is special between single quotes but their end. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
