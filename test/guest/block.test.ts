/** Disks as the small guest sees them: every word that it reads tells its place, every write is looked for outside. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import {
  describeRun,
  runSmallGuest,
  SANDBOX_MODES,
  startSmallGuest,
} from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';
import { linesOf } from './firmware/output.ts';
import { fillPattern, writePatternDisk } from './firmware/pattern.ts';

const skip = kvmUnavailable() ?? false;
const MIB = 1 << 20;
const DISK_BYTES = 4 * MIB;
const BLOCK_BYTES = 4096;

/** As many fresh disks in a directory of the test's own. */
function makeDisks(t: { testdir(): string }, count: number): string[] {
  const directory = t.testdir();
  return Array.from({ length: count }, (_, index) => {
    const path = join(directory, `disk${index}.img`);
    writePatternDisk(path, DISK_BYTES);
    return path;
  });
}

/** A part of a disk as the pattern of this generation has it. */
function patternOf(offset: number, sizeBytes: number, generation: number): Buffer {
  const words = new Uint32Array(sizeBytes / 4);
  fillPattern(words, offset, generation);
  return Buffer.from(words.buffer);
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

for (const { name, args } of SANDBOX_MODES) {
  t.test(
    `crosvm run ${name}: reads at depth 1 and 32, polling and by interrupts`,
    { skip },
    async (t) => {
      const [disk = ''] = makeDisks(t, 1);
      const before = hashOf(disk);
      const jobs = [
        'blk qd=1 count=200 irq=0',
        'blk qd=32 count=1000 irq=0',
        'blk qd=1 count=200 irq=1',
        'blk qd=32 count=1000 irq=1',
        'blk qd=32 count=1000 irq=1 event_idx=0',
        'blk qd=4 count=100 bs=131072 mode=seqread',
        'blk qd=8 count=200 bs=512',
      ];
      const run = await runSmallGuest(t, {
        words: jobs.join(' '),
        args: [...args, '--disk', disk],
      });
      const results = linesOf(run.lines, 'blk');
      t.equal(results.length, jobs.length, describeRun(run));
      for (const { fields } of results) {
        t.match(Object.fromEntries(fields), { errors: '0', bad: '0', stalled: '0' });
      }
      t.same(
        results.map(({ fields }) => fields.get('requests')),
        ['200', '1000', '200', '1000', '1000', '100', '200'],
      );
      t.equal(linesOf(run.lines, 'done')[0]?.fields.get('failures'), '0');
      t.equal(hashOf(disk), before, 'reading changes nothing');
    },
  );

  t.test(`crosvm run ${name}: writes reach their disk, and no other`, { skip }, async (t) => {
    const [first = '', second = '', third = ''] = makeDisks(t, 3);
    const before = hashOf(first);
    const words =
      'blk dev=1 mode=seqwrite count=64 qd=8 irq=1 generation=7 blk dev=2 mode=randwrite count=300 qd=32 generation=9';
    const disks = ['--rwdisk', first, '--rwdisk', second, '--block', `${third},direct=false`];
    const run = await runSmallGuest(t, { words, args: [...args, ...disks] });
    t.equal(linesOf(run.lines, 'done')[0]?.fields.get('failures'), '0', describeRun(run));

    t.equal(hashOf(first), before, 'the first disk is as it was');
    const written = 64 * BLOCK_BYTES;
    const content = readFileSync(second);
    t.ok(
      content.subarray(0, written).equals(patternOf(0, written, 7)),
      'generation 7 at its start',
    );
    t.ok(
      content.subarray(written).equals(patternOf(written, DISK_BYTES - written, 0)),
      'and nothing behind it',
    );
    t.same(
      blocksByGeneration(readFileSync(third), 9).foreign,
      0,
      'whole blocks of either generation',
    );
    t.ok(blocksByGeneration(readFileSync(third), 9).written > 0);
    t.equal(statSync(third).size, DISK_BYTES);
  });
}

/** Of each block of an image: is it still of generation 0, or written by the guest, or neither? */
function blocksByGeneration(
  content: Buffer,
  generation: number,
): { written: number; foreign: number } {
  let written = 0;
  let foreign = 0;
  for (let offset = 0; offset < content.length; offset += BLOCK_BYTES) {
    const block = content.subarray(offset, offset + BLOCK_BYTES);
    if (block.equals(patternOf(offset, BLOCK_BYTES, generation))) {
      written++;
    } else if (!block.equals(patternOf(offset, BLOCK_BYTES, 0))) {
      foreign++;
    }
  }
  return { written, foreign };
}

t.test(
  'crosvm run --disk: a read-only disk refuses writes and stays as it is',
  { skip },
  async (t) => {
    const [disk = ''] = makeDisks(t, 1);
    const before = hashOf(disk);
    const words = 'blk mode=seqwrite count=8';
    const run = await runSmallGuest(t, { words, args: ['--disk', disk] });
    t.equal(linesOf(run.lines, 'blk')[0]?.fields.get('errors'), '8', describeRun(run));
    t.equal(hashOf(disk), before);
  },
);

t.test(
  'crosvm run --block queues=4: four queues of one disk, polling and by interrupts',
  { skip },
  async (t) => {
    const [disk = ''] = makeDisks(t, 1);
    const jobs = [
      'blk queues=4 qd=32 count=2000',
      'blk queues=4 qd=8 count=1000 irq=1',
      'blk queues=3 qd=32 count=1000 mode=randwrite generation=5',
    ];
    const block = `${disk},queues=4`;
    const run = await runSmallGuest(t, { words: jobs.join(' '), args: ['--block', block] });
    t.equal(linesOf(run.lines, 'done')[0]?.fields.get('failures'), '0', describeRun(run));
    t.same(
      linesOf(run.lines, 'blk').map(({ fields }) => [fields.get('queues'), fields.get('requests')]),
      [
        ['4', '2000'],
        ['4', '1000'],
        ['3', '1000'],
      ],
    );
    t.equal(blocksByGeneration(readFileSync(disk), 5).foreign, 0);
  },
);

t.test(
  'crosvm run --block: a guest cannot have more queues than asked for',
  { skip },
  async (t) => {
    const [disk = ''] = makeDisks(t, 1);
    const words = 'blk queues=3 count=1';
    const run = await runSmallGuest(t, { words, args: ['--block', `${disk},queues=2`] });
    t.equal(linesOf(run.lines, 'blk')[0]?.fields.get('error'), 'queue-refused', describeRun(run));
  },
);

t.test('crosvm run: a disk that another machine writes is refused', { skip }, async (t) => {
  const [disk = ''] = makeDisks(t, 1);
  const words = `blk count=100000000 ms=60000 qd=1`;
  const first = startSmallGuest(t, { words, args: ['--rwdisk', disk] });
  await first.waitFor('clock ');
  const second = await runSmallGuest(t, { words: 'hello', args: ['--rwdisk', disk] });
  t.equal(second.code, 35, describeRun(second));
  t.match(second.stderr, disk);
  t.notMatch(second.stdout, 'hello', 'its guest never ran');
});
