/** Much output on a serial port, in the ways of different drivers: all of it, in order, in time, whatever comes then. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import { describeRun, runSmallGuest, startSmallGuest } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';
import { linesOf } from './firmware/output.ts';
import { firstDifference, printedText } from './firmware/printed-text.ts';

const skip = kvmUnavailable() ?? false;
const QUICK = ['--disable-sandbox', '--no-rng'];
const KIB = 1024;
const RESET = 32;

/** Bytes are chosen for a second or two where an exit costs 50 µs, and no multiple of KVM's ring. */
const STYLES = [
  { style: 'poll', bytes: 32 * KIB },
  { style: 'burst', bytes: 96 * KIB },
  { style: 'source', bytes: 48 * KIB },
  { style: 'interrupt', bytes: 24 * KIB },
  { style: 'blind', bytes: 96 * KIB },
  { style: 'string', bytes: KIB * KIB },
  { style: 'mixed', bytes: 16 * KIB },
];

for (const { style, bytes } of STYLES) {
  t.test(
    `print style=${style}: ${bytes} bytes arrive as they were printed`,
    { skip },
    async (t) => {
      const path = join(t.testdir(), 'console');
      const args = [...QUICK, '--serial', `type=file,path=${path}`];
      const run = await runSmallGuest(t, { words: `print style=${style} bytes=${bytes}`, args });
      t.equal(run.code, RESET, describeRun(run));
      t.notMatch(run.stderr, SIGNS_OF_A_MISTAKE);
      const output = readFileSync(path);
      t.equal(firstDifference(output, bytes), -1);
      t.match(output.toString('latin1'), /\nprinted bytes=\d+ ns=\d+ good=1\ndone failures=0\n$/);
    },
  );
}

const ENDS = [
  { then: 's5', code: 0 },
  { then: 'reset', code: RESET },
  { then: 'cf9', code: RESET },
  { then: 'triple-fault', code: 33 },
];

for (const { then, code } of ENDS) {
  t.test(`what was printed right before ${then} is not lost`, { skip }, async (t) => {
    // Less than KVM's ring holds, so that no exit asks for it, and no end of a line.
    const bytes = 40 * KIB + 63;
    const words = `print style=blind bytes=${bytes} then=${then}`;
    const run = await runSmallGuest(t, { words, args: QUICK });
    t.equal(run.code, code, run.stderr);
    const output = Buffer.from(run.stdout, 'latin1');
    t.equal(firstDifference(output, bytes), -1);
    t.ok(
      output.subarray(-63).equals(printedText(bytes).subarray(-63)),
      'and nothing comes after it',
    );
  });
}

t.test('what was printed last appears though the guest sleeps for ever', { skip }, async (t) => {
  const delays: number[] = [];
  for (let round = 0; round < 3; round++) {
    const words = 'print style=blind bytes=100 then=halt';
    const machine = startSmallGuest(t, { words, args: QUICK });
    await machine.waitFor('\nprint ');
    const start = performance.now();
    // The last of its bytes, which no end of a line follows.
    await machine.waitFor(printedText(100).subarray(-20).toString('latin1'));
    delays.push(performance.now() - start);
    machine.signal('SIGTERM');
    await machine.end();
  }
  t.ok(Math.min(...delays) < 100, `after ${delays.map((delay) => delay.toFixed(1)).join(', ')} ms`);
});

/** How often the threads of a process have gone to sleep. */
function sleeps(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1');
    return sum + Number(/\nvoluntary_ctxt_switches:\t(\d+)/.exec(status)?.[1]);
  }, 0);
}

t.test('a machine that has printed much and sleeps makes no wake-ups', { skip }, async (t) => {
  const words = 'print style=burst bytes=4096 then=halt';
  const machine = startSmallGuest(t, { words, args: QUICK });
  await machine.waitFor(printedText(4096).subarray(-20).toString('latin1'));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const before = sleeps(machine.pid);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const count = sleeps(machine.pid) - before;
  // A tick of 5 ms would be 200.
  t.ok(count < 50, `${count} in a second`);
});

t.test('--serial hardware=debugcon keeps the order of much output', { skip }, async (t) => {
  const path = join(t.testdir(), 'debug');
  const debugcon = `hardware=debugcon,type=file,path=${path},debugcon_port=0x403`;
  const words = 'exits out=0x403 count=5000 hello';
  const run = await runSmallGuest(t, { words, args: [...QUICK, '--serial', debugcon] });
  t.equal(linesOf(run.lines, 'hello').length, 1, describeRun(run));
  // 100 more to warm up; the guest writes zeroes.
  t.ok(readFileSync(path).equals(Buffer.alloc(5100)));
});

t.test('a reader that is slow gets all of it from a guest that waits', { skip }, async (t) => {
  // More than the pipe (64 KiB) and our own buffer hold.
  const bytes = 192 * KIB;
  const path = join(t.testdir(), 'slow');
  const words = `print style=burst bytes=${bytes}`;
  const script = `"$@" | { sleep 4; cat > ${path}; }; echo "\${PIPESTATUS[0]}"`;
  const run = await runSmallGuest(t, {
    words,
    args: QUICK,
    options: { wrapper: ['bash', '-c', script, 'bash'] },
  });
  t.equal(run.stdout.trim(), `${RESET}`, run.stderr);
  t.equal(firstDifference(readFileSync(path), bytes), -1);
});
