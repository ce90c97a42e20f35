/** Conditions of rules in words, with the names that the manual gives to the arguments. */
import type { Atom, Expression } from '../seccomp/ast.ts';
import type { Target } from '../seccomp/target.ts';

/** Arguments of the calls whose rules have conditions, section 2 of the manual. */
const PARAMETERS: Readonly<Record<string, string>> = {
  clone: 'flags stack parent_tid child_tid tls',
  clock_gettime: 'clock time',
  epoll_ctl: 'epfd op fd event',
  fallocate: 'fd mode offset len',
  fcntl: 'fd cmd arg',
  futex: 'uaddr op val timeout uaddr2 val3',
  getrandom: 'buf len flags',
  ioctl: 'fd request arg',
  kill: 'pid sig',
  madvise: 'addr len advice',
  memfd_create: 'name flags',
  mmap: 'addr len prot flags fd offset',
  mprotect: 'addr len prot',
  mremap: 'old_addr old_len new_len flags new_addr',
  open: 'path flags mode',
  openat: 'dirfd path flags mode',
  pkey_mprotect: 'addr len prot pkey',
  prctl: 'option arg2 arg3 arg4 arg5',
  recvfrom: 'fd buf len flags addr addrlen',
  recvmsg: 'fd msg flags',
  sendmsg: 'fd msg flags',
  sendto: 'fd buf len flags addr addrlen',
  setsockopt: 'fd level optname optval optlen',
  socket: 'domain type protocol',
  socketpair: 'domain type protocol sv',
  tgkill: 'tgid tid sig',
};

/** `prot (arg2)`; `arg2` alone for calls without an entry above. */
export function argumentName(syscall: string, arg: number): string {
  const name = PARAMETERS[syscall]?.split(' ')[arg];
  return name === undefined ? `arg${arg}` : `${name} (arg${arg})`;
}

const ALL_BITS = 2n ** 64n - 1n;
/** A value with more bits than this is written as what it leaves out. */
const COMPLEMENT_BITS_MIN = 32;

function bitCount(value: bigint): number {
  return value.toString(2).replaceAll('0', '').length;
}

/** The value as it is written, with its number beside it where it is not one itself. */
function spelled({ value, valueText }: Atom): string {
  const isNumber = /^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(valueText);
  return isNumber ? valueText : `${valueText} (0x${value.toString(16)})`;
}

/** `in` with nearly all bits set says which bits must be clear. */
function describeIn(atom: Atom, name: string): string {
  if (bitCount(atom.value) < COMPLEMENT_BITS_MIN) {
    return `${name} has no bit outside ${spelled(atom)}`;
  }
  const excluded = ALL_BITS - atom.value;
  const text = /^~[\w|()]+$/.test(atom.valueText) ? `${atom.valueText.slice(1)} ` : '';
  return `${name} has no bit of ${text}${text === '' ? '' : '('}0x${excluded.toString(16)}${text === '' ? '' : ')'}`;
}

function describeAtom(syscall: string, atom: Atom): string {
  const name = argumentName(syscall, atom.arg);
  switch (atom.op) {
    case '==':
      return `${name} is ${spelled(atom)}`;
    case '!=':
      return `${name} is not ${spelled(atom)}`;
    case '<':
      return `${name} is less than ${spelled(atom)}`;
    case '<=':
      return `${name} is at most ${spelled(atom)}`;
    case '>':
      return `${name} is greater than ${spelled(atom)}`;
    case '>=':
      return `${name} is at least ${spelled(atom)}`;
    case '&':
      return `${name} has a bit of ${spelled(atom)}`;
    case 'in':
      return describeIn(atom, name);
  }
}

/** `always`, or `prot (arg2) is PROT_READ (0x1) and len (arg1) is at most 4096, or …`. */
export function describeCondition(syscall: string, expression: Expression | null): string {
  return expression === null
    ? 'always'
    : expression
        .map((clause) => clause.map((atom) => describeAtom(syscall, atom)).join(' and '))
        .join(', or ');
}

/** How many arguments of an example are worth showing, for calls without named arguments. */
const ARGUMENTS_SHOWN = 3;

/** A call as one writes it: `mprotect(0x0, 0x1000, 0x7)`, as far as its arguments are known to have a meaning. */
export function formatCall(syscall: string, args: readonly bigint[]): string {
  const named = PARAMETERS[syscall]?.split(' ').length ?? ARGUMENTS_SHOWN;
  // A rule may look at more than the call has.
  const lastSet = args.findLastIndex((value) => value !== 0n) + 1;
  const shown = args.slice(0, Math.max(named, lastSet));
  return `${syscall}(${shown.map((value) => `0x${value.toString(16)}`).join(', ')})`;
}

/** Name of a number; its digits for one that the architecture does not have. */
export function syscallName(target: Target, number: number): string {
  return target.syscallNames.get(number) ?? `syscall ${number}`;
}
