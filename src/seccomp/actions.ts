/** Seccomp return values (seccomp(2), `linux/seccomp.h`) and their names. */

export const SECCOMP_RET_KILL_PROCESS = 0x8000_0000;
export const SECCOMP_RET_KILL_THREAD = 0x0000_0000;
export const SECCOMP_RET_TRAP = 0x0003_0000;
export const SECCOMP_RET_ERRNO = 0x0005_0000;
export const SECCOMP_RET_USER_NOTIF = 0x7fc0_0000;
export const SECCOMP_RET_TRACE = 0x7ff0_0000;
export const SECCOMP_RET_LOG = 0x7ffc_0000;
export const SECCOMP_RET_ALLOW = 0x7fff_0000;

/** The upper half of a return value says what is done, the lower half is data: the errno of `ERRNO`. */
export const SECCOMP_RET_DATA = 0x0000_ffff;

/** Action words of the policy language that always mean the same. `kill` depends on options. */
const FIXED_ACTIONS = new Map<string, number>([
  ['allow', SECCOMP_RET_ALLOW],
  ['kill-process', SECCOMP_RET_KILL_PROCESS],
  ['kill-thread', SECCOMP_RET_KILL_THREAD],
  ['trap', SECCOMP_RET_TRAP],
  ['trace', SECCOMP_RET_TRACE],
  ['log', SECCOMP_RET_LOG],
  ['user-notify', SECCOMP_RET_USER_NOTIF],
]);

/** The return value of an action word. @param killAction what `kill` stands for. */
export function actionReturn(word: string, killAction: number): number | undefined {
  return word === 'kill' ? killAction : FIXED_ACTIONS.get(word);
}

/** `return N`: N is cut to 16 bits, as the language says. */
export function errnoReturn(errno: bigint): number {
  return SECCOMP_RET_ERRNO + Number(errno & 0xffffn);
}

/** A return value in the words of the policy language: `allow`, `return 1`, `kill-process`. */
export function describeReturn(value: number): string {
  const action = (value - (value & SECCOMP_RET_DATA)) >>> 0;
  if (action === SECCOMP_RET_ERRNO) {
    return `return ${value & SECCOMP_RET_DATA}`;
  }
  for (const [word, known] of FIXED_ACTIONS) {
    if (known === action) {
      const data = value & SECCOMP_RET_DATA;
      return data === 0 ? word : `${word} with data ${data}`;
    }
  }
  return `0x${value.toString(16).padStart(8, '0')}`;
}

/** True for the two values under which the call itself is carried out: `allow` and `log`. */
export function isPermissive(value: number): boolean {
  const action = (value - (value & SECCOMP_RET_DATA)) >>> 0;
  return action === SECCOMP_RET_ALLOW || action === SECCOMP_RET_LOG;
}
