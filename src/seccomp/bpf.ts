/**
 * Classic BPF as seccomp takes it: `struct sock_filter` and the opcodes of `linux/bpf_common.h`.
 *
 * | offset | width | field |
 * | --- | --- | --- |
 * | 0 | 2 | code |
 * | 2 | 1 | jt: instructions to skip when the test holds |
 * | 3 | 1 | jf: instructions to skip when it does not |
 * | 4 | 4 | k: constant, load offset or jump distance |
 */

/** One instruction; all fields unsigned. */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Bytes of `struct sock_filter`. */
export const INSTRUCTION_SIZE = 8;
/** `BPF_MAXINSNS`: the longest program that the kernel takes. */
export const PROGRAM_LENGTH_MAX = 4096;
/** Bytes of `struct seccomp_data`. */
export const SECCOMP_DATA_SIZE = 64;
/** Words of scratch memory, `BPF_MEMWORDS`. */
export const SCRATCH_WORDS = 16;

export const NR_OFFSET = 0;
export const ARCH_OFFSET = 4;
export const IP_OFFSET = 8;
export const ARGS_OFFSET = 16;

// Instruction classes.
export const BPF_LD = 0x00;
export const BPF_LDX = 0x01;
export const BPF_ST = 0x02;
export const BPF_STX = 0x03;
export const BPF_ALU = 0x04;
export const BPF_JMP = 0x05;
export const BPF_RET = 0x06;
export const BPF_MISC = 0x07;
// Size and mode of loads.
export const BPF_W = 0x00;
export const BPF_IMM = 0x00;
export const BPF_ABS = 0x20;
export const BPF_MEM = 0x60;
export const BPF_LEN = 0x80;
// Arithmetic.
export const BPF_ADD = 0x00;
export const BPF_SUB = 0x10;
export const BPF_MUL = 0x20;
export const BPF_DIV = 0x30;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_RSH = 0x70;
export const BPF_NEG = 0x80;
export const BPF_XOR = 0xa0;
// Jumps.
export const BPF_JA = 0x00;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;
// Operands.
export const BPF_K = 0x00;
export const BPF_X = 0x08;
export const BPF_A = 0x10;
export const BPF_TAX = 0x00;
export const BPF_TXA = 0x80;

export const LOAD_WORD = BPF_LD | BPF_W | BPF_ABS;
export const JUMP_ALWAYS = BPF_JMP | BPF_JA;
export const RETURN_CONSTANT = BPF_RET | BPF_K;

/** Offset in `seccomp_data` of one half of an argument: little-endian, so the lower half comes first. */
export function argumentOffset(arg: number, half: 'low' | 'high'): number {
  return ARGS_OFFSET + 8 * arg + (half === 'high' ? 4 : 0);
}

/** `struct sock_filter[]`, little-endian. */
export function encodeProgram(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * INSTRUCTION_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, jt, jf, k }] of instructions.entries()) {
    const offset = index * INSTRUCTION_SIZE;
    view.setUint16(offset, code, true);
    view.setUint8(offset + 2, jt);
    view.setUint8(offset + 3, jf);
    view.setUint32(offset + 4, k, true);
  }
  return bytes;
}

/** Reads `struct sock_filter[]`; bytes after the last whole instruction are not looked at. */
export function decodeProgram(bytes: Uint8Array): readonly Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.byteLength / INSTRUCTION_SIZE);
  return Array.from({ length: count }, (_, index) => {
    const offset = index * INSTRUCTION_SIZE;
    return {
      code: view.getUint16(offset, true),
      jt: view.getUint8(offset + 2),
      jf: view.getUint8(offset + 3),
      k: view.getUint32(offset + 4, true),
    };
  });
}
