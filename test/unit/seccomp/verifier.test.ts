import t from 'tap';
import { encodeProgram, type Instruction, PROGRAM_LENGTH_MAX } from '../../../src/seccomp/bpf.ts';
import { verifyProgram } from '../../../src/seccomp/verifier.ts';

const RET: Instruction = { code: 0x06, jt: 0, jf: 0, k: 0 };

function fault(...instructions: readonly Instruction[]): string | null {
  return verifyProgram(encodeProgram(instructions))?.message ?? null;
}

function one(code: number, k = 0, jt = 0, jf = 0): string | null {
  return fault({ code, jt, jf, k }, RET, RET);
}

t.test('verifyProgram takes every instruction that seccomp takes', async (t) => {
  const codes = [
    0x20, 0x80, 0x81, 0x00, 0x01, 0x02, 0x03, 0x04, 0x0c, 0x14, 0x24, 0x2c, 0x44, 0x54,
  ];
  for (const code of [
    ...codes,
    0x64,
    0x74,
    0x84,
    0xa4,
    0x05,
    0x15,
    0x1d,
    0x25,
    0x35,
    0x45,
    0x4d,
    0x07,
    0x87,
  ]) {
    t.equal(one(code), null, `0x${code.toString(16)}`);
  }
});

t.test('verifyProgram refuses what only packet filters may do', async (t) => {
  for (const code of [0x28, 0x30, 0x40, 0x48, 0xb1, 0x94, 0x9c, 0xff, 0x1_00]) {
    t.match(one(code), /not allowed/, `0x${code.toString(16)}`);
  }
});

t.test('verifyProgram refuses loads that are unaligned or beyond seccomp_data', async (t) => {
  t.equal(one(0x20, 60), null);
  t.match(one(0x20, 62), /multiple of 4 below 64/);
  t.match(one(0x20, 64), /multiple of 4 below 64/);
  t.match(one(0x20, 0xffff_fffc), /multiple of 4 below 64/);
});

t.test('verifyProgram refuses jumps past the end', async (t) => {
  t.equal(one(0x15, 0, 1, 1), null);
  t.match(one(0x15, 0, 2, 0), /jump over 2/);
  t.match(one(0x15, 0, 0, 2), /jump over 2/);
  t.equal(one(0x05, 1), null);
  t.match(one(0x05, 2), /jump over 2/);
  t.match(one(0x05, 0xffff_ffff), /jump over/);
});

t.test(
  'verifyProgram refuses wrong lengths and a last instruction that does not return',
  async (t) => {
    t.match(fault(), /must be 1 to 4096/);
    t.equal(fault(...Array.from({ length: PROGRAM_LENGTH_MAX }, () => RET)), null);
    t.match(
      fault(...Array.from({ length: PROGRAM_LENGTH_MAX + 1 }, () => RET)),
      /4097 instructions/,
    );
    t.match(fault(RET, { code: 0x20, jt: 0, jf: 0, k: 0 }), /does not return/);
    t.match(verifyProgram(new Uint8Array(9))?.message, /not a multiple of 8/);
  },
);

t.test('verifyProgram refuses division by zero, wide shifts and bad scratch words', async (t) => {
  t.match(one(0x34), /division by zero/);
  t.equal(one(0x34, 1), null);
  t.match(one(0x64, 32), /shift by 32/);
  t.equal(one(0x74, 31), null);
  t.match(one(0x02, 16), /scratch word 16/);
});

t.test('verifyProgram refuses to read a scratch word that some way has not written', async (t) => {
  const load = (k: number): Instruction => ({ code: 0x60, jt: 0, jf: 0, k });
  const store = (k: number): Instruction => ({ code: 0x02, jt: 0, jf: 0, k });
  t.match(fault(load(1), RET), /read before it is written/);
  t.equal(fault(store(1), load(1), RET), null);
  const skip: Instruction = { code: 0x15, jt: 1, jf: 0, k: 0 };
  t.match(fault(skip, store(1), load(1), RET), /read before it is written/);
});
