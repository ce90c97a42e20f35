/** Programs as text, one instruction a line, with the names that seccomp gives to what is loaded. */
import { describeReturn } from './actions.ts';
import {
  ARCH_OFFSET,
  ARGS_OFFSET,
  BPF_ABS,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_LD,
  BPF_RET,
  BPF_W,
  BPF_X,
  type Instruction,
  NR_OFFSET,
} from './bpf.ts';

const TESTS = new Map<number, string>([
  [BPF_JEQ, '=='],
  [BPF_JGT, '>'],
  [BPF_JGE, '>='],
  [BPF_JSET, '&'],
]);

/** `nr`, `arch`, `args[1].high`: the word at an offset of `seccomp_data`. */
export function nameOfOffset(offset: number): string {
  if (offset === NR_OFFSET) {
    return 'nr';
  }
  if (offset === ARCH_OFFSET) {
    return 'arch';
  }
  const half = offset % 8 === 4 ? 'high' : 'low';
  return offset < ARGS_OFFSET
    ? `ip.${half}`
    : `args[${Math.floor((offset - ARGS_OFFSET) / 8)}].${half}`;
}

/**
 * One instruction as text: `load args[1].low`, `if == 0x5401 goto 12 else 13`, `return allow`.
 *
 * @param index of the instruction, to which jumps are relative.
 */
export function disassemble({ code, jt, jf, k }: Instruction, index: number): string {
  const operation = code & 0xf0;
  if (code === (BPF_LD | BPF_W | BPF_ABS)) {
    return `load ${nameOfOffset(k)}`;
  }
  if ((code & 0x07) === BPF_RET && (code & 0x18) === 0) {
    return `return ${describeReturn(k)}`;
  }
  if (code === (BPF_JMP | BPF_JA)) {
    return `goto ${index + 1 + k}`;
  }
  const test = TESTS.get(operation);
  if ((code & 0x07) === BPF_JMP && test !== undefined) {
    const operand = (code & BPF_X) === 0 ? `0x${k.toString(16)}` : 'X';
    return `if ${test} ${operand} goto ${index + 1 + jt} else ${index + 1 + jf}`;
  }
  return `opcode 0x${code.toString(16).padStart(4, '0')} ${jt} ${jf} 0x${k.toString(16)}`;
}
