import { spawnSync } from 'node:child_process';
import t from 'tap';
import { encodeProgram, type Instruction } from '../../../src/seccomp/bpf.ts';
import { disassemble } from '../../../src/seccomp/disassembler.ts';
import { formatProgram } from '../../../src/seccomp/format.ts';

/** Written out, so that the texts below do not depend on how the compiler lays out its programs. */
const INSTRUCTIONS: readonly Instruction[] = [
  { code: 0x20, jt: 0, jf: 0, k: 4 },
  { code: 0x15, jt: 1, jf: 0, k: 0xc000_003e },
  { code: 0x06, jt: 0, jf: 0, k: 0 },
  { code: 0x20, jt: 0, jf: 0, k: 0 },
  { code: 0x15, jt: 1, jf: 0, k: 0 },
  { code: 0x06, jt: 0, jf: 0, k: 0x0003_0000 },
  { code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000 },
];
const program = encodeProgram(INSTRUCTIONS);

function text(format: 'json' | 'asm' | 'c', name?: string): string {
  const options = name === undefined ? {} : { name };
  return new TextDecoder().decode(formatProgram(program, format, options));
}

t.test('formatProgram raw is the program itself, as a copy', async (t) => {
  const raw = formatProgram(program, 'raw');
  t.same([...raw], [...program]);
  raw[0] = 0xff;
  t.not(program[0], 0xff);
});

t.test('formatProgram json holds every field of every instruction', async (t) => {
  t.same(JSON.parse(text('json')), { length: 7, instructions: INSTRUCTIONS });
});

t.test('formatProgram asm names words, targets and verdicts', async (t) => {
  t.equal(
    text('asm'),
    [
      '   0  load arch',
      '   1  if == 0xc000003e goto 3 else 2',
      '   2  return kill-thread',
      '   3  load nr',
      '   4  if == 0x0 goto 6 else 5',
      '   5  return trap',
      '   6  return allow',
      '',
    ].join('\n'),
  );
});

const hasCompiler = spawnSync('cc', ['--version']).error === undefined;

t.test('formatProgram c compiles', { skip: hasCompiler ? false : 'no C compiler' }, async (t) => {
  const source = `${text('c', '9p-device')}int main(void) { return sizeof _9p_device != ${program.length}; }\n`;
  const options = ['-Wall', '-Werror', '-fsyntax-only', '-xc', '-'];
  const { status, stderr } = spawnSync('cc', options, { input: source, encoding: 'utf8' });
  t.equal(status, 0, stderr);
});

t.test('disassemble shows what it does not know as numbers', async (t) => {
  t.equal(disassemble({ code: 0x54, jt: 0, jf: 0, k: 255 }, 3), 'opcode 0x0054 0 0 0xff');
  t.equal(disassemble({ code: 0x05, jt: 0, jf: 0, k: 4 }, 3), 'goto 8');
  t.equal(disassemble({ code: 0x20, jt: 0, jf: 0, k: 12 }, 0), 'load ip.high');
  t.equal(disassemble({ code: 0x20, jt: 0, jf: 0, k: 56 }, 0), 'load args[5].low');
});
