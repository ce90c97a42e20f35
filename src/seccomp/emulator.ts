/** Runs a filter over `struct seccomp_data` as the kernel would, for tests, audits and explanations. */
import { VmmError } from '../base/errors.ts';
import {
  ARCH_OFFSET,
  ARGS_OFFSET,
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_DIV,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
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
  BPF_TXA,
  BPF_X,
  BPF_XOR,
  decodeProgram,
  type Instruction,
  IP_OFFSET,
  NR_OFFSET,
  SCRATCH_WORDS,
  SECCOMP_DATA_SIZE,
} from './bpf.ts';
import type { SeccompData } from './policy.ts';

/** How a run ended. */
export interface Emulation {
  /** Seccomp return value. */
  readonly value: number;
  /** Instructions that were executed, the return included. */
  readonly steps: number;
  /** Index of each executed instruction, in order. */
  readonly path: readonly number[];
}

/** `struct seccomp_data` as bytes, little-endian. */
export function encodeSeccompData(data: SeccompData): DataView {
  const view = new DataView(new ArrayBuffer(SECCOMP_DATA_SIZE));
  view.setUint32(NR_OFFSET, data.nr, true);
  view.setUint32(ARCH_OFFSET, data.arch, true);
  view.setBigUint64(IP_OFFSET, data.ip ?? 0n, true);
  for (let arg = 0; arg < 6; arg++) {
    view.setBigUint64(ARGS_OFFSET + 8 * arg, data.args[arg] ?? 0n, true);
  }
  return view;
}

/**
 * Runs a program.
 *
 * @param program raw `struct sock_filter[]` that passed `verifyProgram`, or its decoded instructions.
 * @param data system call number, architecture and arguments.
 * @throws ERR_BPF_EXECUTION if the program does what no verified program does.
 */
export function emulate(
  program: Uint8Array | readonly Instruction[],
  data: SeccompData,
): Emulation {
  const instructions = program instanceof Uint8Array ? decodeProgram(program) : program;
  return new Machine(instructions, encodeSeccompData(data)).run();
}

function fault(message: string): VmmError {
  return new VmmError('ERR_BPF_EXECUTION', `filter: ${message}`);
}

class Machine {
  readonly #instructions: readonly Instruction[];
  readonly #data: DataView;
  readonly #scratch = new Uint32Array(SCRATCH_WORDS);
  readonly #path: number[] = [];
  #a = 0;
  #x = 0;
  #pc = 0;

  constructor(instructions: readonly Instruction[], data: DataView) {
    this.#instructions = instructions;
    this.#data = data;
  }

  /** Jumps only go forward, so a run ends after at most as many steps as there are instructions. */
  run(): Emulation {
    for (;;) {
      const instruction = this.#instructions[this.#pc];
      if (instruction === undefined) {
        throw fault(`ran past the end, to instruction ${this.#pc}`);
      }
      this.#path.push(this.#pc);
      this.#pc++;
      const value = this.#step(instruction);
      if (value !== null) {
        return { value, steps: this.#path.length, path: this.#path };
      }
    }
  }

  /** Executes one instruction. @returns the verdict of a return, else null. */
  #step({ code, jt, jf, k }: Instruction): number | null {
    switch (code & 0x07) {
      case BPF_LD:
        this.#a = this.#load(code, k);
        return null;
      case BPF_LDX:
        this.#x = this.#load(code, k);
        return null;
      case BPF_ST:
        this.#scratch[k] = this.#a;
        return null;
      case BPF_STX:
        this.#scratch[k] = this.#x;
        return null;
      case BPF_ALU: {
        const operand = (code & BPF_X) === 0 ? k : this.#x;
        if ((code & 0xf0) === BPF_DIV && operand === 0) {
          // Division by a zero in X ends the program with 0, which is kill-thread.
          return 0;
        }
        this.#a = arithmetic(code & 0xf0, this.#a, operand);
        return null;
      }
      case BPF_JMP:
        this.#pc += this.#jumpDistance(code, jt, jf, k);
        return null;
      case BPF_RET:
        return (code & 0x18) === BPF_A ? this.#a : k;
      case BPF_MISC:
        if ((code & 0xf8) === BPF_TXA) {
          this.#a = this.#x;
        } else {
          this.#x = this.#a;
        }
        return null;
      default:
        throw fault(`opcode 0x${code.toString(16)}`);
    }
  }

  #load(code: number, k: number): number {
    switch (code & 0xe0) {
      case BPF_ABS:
        if (k + 4 > SECCOMP_DATA_SIZE || k % 4 !== 0) {
          throw fault(`load at ${k}`);
        }
        return this.#data.getUint32(k, true);
      case BPF_MEM:
        return this.#scratch[k] ?? 0;
      case BPF_LEN:
        return SECCOMP_DATA_SIZE;
      default:
        return k;
    }
  }

  #jumpDistance(code: number, jt: number, jf: number, k: number): number {
    const operand = (code & BPF_X) === 0 ? k : this.#x;
    switch (code & 0xf0) {
      case BPF_JA:
        return k;
      case BPF_JEQ:
        return this.#a === operand ? jt : jf;
      case BPF_JGT:
        return this.#a > operand ? jt : jf;
      case BPF_JGE:
        return this.#a >= operand ? jt : jf;
      case BPF_JSET:
        return (this.#a & operand) !== 0 ? jt : jf;
      default:
        throw fault(`jump 0x${code.toString(16)}`);
    }
  }
}

/** 32-bit unsigned arithmetic; the divisor is not 0, and shifts use five bits, as the kernel's do. */
function arithmetic(operation: number, a: number, operand: number): number {
  switch (operation) {
    case BPF_ADD:
      return (a + operand) >>> 0;
    case BPF_SUB:
      return (a - operand) >>> 0;
    case BPF_MUL:
      return Math.imul(a, operand) >>> 0;
    case BPF_DIV:
      return Math.floor(a / operand);
    case BPF_OR:
      return (a | operand) >>> 0;
    case BPF_AND:
      return (a & operand) >>> 0;
    case BPF_LSH:
      return (a << (operand & 31)) >>> 0;
    case BPF_RSH:
      return a >>> (operand & 31);
    case BPF_NEG:
      return -a >>> 0;
    case BPF_XOR:
      return (a ^ operand) >>> 0;
    default:
      throw fault(`operation 0x${operation.toString(16)}`);
  }
}
