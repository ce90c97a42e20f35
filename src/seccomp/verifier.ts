/**
 * The checks that the kernel makes before it takes a filter (`bpf_check_classic` and `seccomp_check_filter`), so that
 * a program is refused here, with a reason, and not there with EINVAL.
 */
import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_DIV,
  BPF_IMM,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_LSH,
  BPF_MEM,
  BPF_MISC,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RET,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
  BPF_XOR,
  decodeProgram,
  INSTRUCTION_SIZE,
  type Instruction,
  PROGRAM_LENGTH_MAX,
  SCRATCH_WORDS,
  SECCOMP_DATA_SIZE,
} from './bpf.ts';

/** Why a program would be refused. */
export interface VerifierFault {
  /** Index of the instruction; -1 when the program as a whole is at fault. */
  readonly index: number;
  readonly message: string;
}

const ALU_OPERATIONS = [
  BPF_ADD,
  BPF_SUB,
  BPF_MUL,
  BPF_DIV,
  BPF_OR,
  BPF_AND,
  BPF_LSH,
  BPF_RSH,
  BPF_XOR,
];
const JUMP_TESTS = [BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET];

/** Every opcode that `seccomp_check_filter` lets through. */
const ALLOWED_CODES: ReadonlySet<number> = new Set([
  BPF_LD | BPF_W | BPF_ABS,
  BPF_LD | BPF_W | BPF_LEN,
  BPF_LDX | BPF_W | BPF_LEN,
  BPF_LD | BPF_IMM,
  BPF_LDX | BPF_IMM,
  BPF_LD | BPF_MEM,
  BPF_LDX | BPF_MEM,
  BPF_ST,
  BPF_STX,
  BPF_RET | BPF_K,
  BPF_RET | BPF_A,
  BPF_MISC | BPF_TAX,
  BPF_MISC | BPF_TXA,
  BPF_ALU | BPF_NEG,
  BPF_JMP | BPF_JA,
  ...[...ALU_OPERATIONS].flatMap((op) => [BPF_ALU | op | BPF_K, BPF_ALU | op | BPF_X]),
  ...JUMP_TESTS.flatMap((op) => [BPF_JMP | op | BPF_K, BPF_JMP | op | BPF_X]),
]);

/** The class of an instruction, the low three bits of its code. */
function classOf(code: number): number {
  return code & 0x07;
}

function operationOf(code: number): number {
  return code & 0xf0;
}

/**
 * Checks a program as the kernel would.
 *
 * @param program raw `struct sock_filter[]`.
 * @returns null if the kernel would take it, else the first fault.
 */
export function verifyProgram(program: Uint8Array): VerifierFault | null {
  if (program.length % INSTRUCTION_SIZE !== 0) {
    return {
      index: -1,
      message: `length ${program.length} is not a multiple of ${INSTRUCTION_SIZE}`,
    };
  }
  const instructions = decodeProgram(program);
  if (instructions.length === 0 || instructions.length > PROGRAM_LENGTH_MAX) {
    return {
      index: -1,
      message: `${instructions.length} instructions, must be 1 to ${PROGRAM_LENGTH_MAX}`,
    };
  }
  for (const [index, instruction] of instructions.entries()) {
    const message = checkInstruction(instruction, index, instructions.length);
    if (message !== null) {
      return { index, message };
    }
  }
  const last = instructions.at(-1);
  if (last === undefined || classOf(last.code) !== BPF_RET) {
    return { index: instructions.length - 1, message: 'the last instruction does not return' };
  }
  return checkScratchReads(instructions);
}

function checkInstruction(instruction: Instruction, index: number, length: number): string | null {
  const { code, k } = instruction;
  if (!ALLOWED_CODES.has(code)) {
    return `opcode 0x${code.toString(16).padStart(4, '0')} is not allowed in a seccomp filter`;
  }
  const kind = classOf(code);
  if (kind === BPF_JMP) {
    return checkJump(instruction, index, length);
  }
  if (code === (BPF_LD | BPF_W | BPF_ABS) && (k >= SECCOMP_DATA_SIZE || k % 4 !== 0)) {
    return `load at ${k}: must be a multiple of 4 below ${SECCOMP_DATA_SIZE}`;
  }
  if (isScratchAccess(code) && k >= SCRATCH_WORDS) {
    return `scratch word ${k}: must be below ${SCRATCH_WORDS}`;
  }
  if (kind === BPF_ALU && (code & BPF_X) === 0) {
    return checkConstantOperand(operationOf(code), k);
  }
  return null;
}

function checkJump({ code, jt, jf, k }: Instruction, index: number, length: number): string | null {
  // The kernel compares without adding, so that a huge distance cannot wrap around.
  const left = length - index - 1;
  const distance = operationOf(code) === BPF_JA ? k : Math.max(jt, jf);
  return distance < left ? null : `jump over ${distance} instructions with ${left} left`;
}

function checkConstantOperand(operation: number, k: number): string | null {
  if (operation === BPF_DIV && k === 0) {
    return 'division by zero';
  }
  if ((operation === BPF_LSH || operation === BPF_RSH) && k >= 32) {
    return `shift by ${k} bits`;
  }
  return null;
}

function isScratchAccess(code: number): boolean {
  return [BPF_ST, BPF_STX, BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM].includes(code);
}

/** A scratch word must have been written on every way to a read of it (`check_load_and_stores`). */
function checkScratchReads(instructions: readonly Instruction[]): VerifierFault | null {
  const ALL = 0xffff;
  // Words that are surely written when an instruction is reached; all of them where it has not been reached yet.
  const written = new Uint16Array(instructions.length + 1).fill(ALL);
  written[0] = 0;
  const reach = (index: number, words: number): void => {
    written[index] = (written[index] ?? 0) & words;
  };
  for (const [index, { code, jt, jf, k }] of instructions.entries()) {
    let words = written[index] ?? 0;
    if (code === (BPF_LD | BPF_MEM) || code === (BPF_LDX | BPF_MEM)) {
      if ((words & (1 << k)) === 0) {
        return { index, message: `scratch word ${k} is read before it is written` };
      }
    } else if (code === BPF_ST || code === BPF_STX) {
      words |= 1 << k;
    }
    if (classOf(code) === BPF_JMP) {
      const isAlways = operationOf(code) === BPF_JA;
      reach(index + 1 + (isAlways ? k : jt), words);
      reach(index + 1 + (isAlways ? k : jf), words);
    } else {
      // After a return too: that is how the kernel counts.
      reach(index + 1, words);
    }
  }
  return null;
}
