/** The guest's own checks can fail: a disk with a wrong word is noticed. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { describeRun, runSmallGuest } from '../../support/small-guest.ts';
import { kvmUnavailable } from '../../support/tiny-machine.ts';
import { linesOf, numberField } from './output.ts';
import { fillPattern, writePatternDisk } from './pattern.ts';

const skip = kvmUnavailable() ?? false;
const BLOCK_BYTES = 4096;
/** blk checks the ends of each block, and all of each 64th request. */
const FULL_CHECK_EVERY = 64;

t.test('fillPattern gives the words of pattern.h at any offset', async (t) => {
  const words = new Uint32Array(4);
  fillPattern(words, 8 * 0x12345);
  const expected = [0x12345, 0x12346].flatMap((index) => {
    const mixed = (index ^ (index >>> 16)) >>> 0;
    const low = Number((BigInt(index) * 0x9e3779b1n) & 0xffffffffn);
    return [low, Number((BigInt(mixed) * 0x85ebca6bn + 0x5bd1e995n) & 0xffffffffn)];
  });
  t.strictSame([...words], expected);
});

/** A disk of 1 MiB with one wrong byte. */
function spoiledDisk(folder: string, offset: number): string {
  const path = join(folder, 'disk');
  writePatternDisk(path, 1 << 20);
  const wrong = Uint8Array.of((readFileSync(path)[offset] ?? 0) ^ 1);
  const file = openSync(path, 'r+');
  writeSync(file, wrong, 0, 1, offset);
  closeSync(file);
  return path;
}

const places = [
  { where: 'the first byte of a block', offset: 3 * BLOCK_BYTES },
  { where: 'the last byte of a block', offset: 4 * BLOCK_BYTES - 1 },
  {
    where: 'the middle of a block that is checked whole',
    offset: (FULL_CHECK_EVERY - 1) * BLOCK_BYTES + BLOCK_BYTES / 2,
  },
];

for (const { where, offset } of places) {
  t.test(`blk notices a wrong bit in ${where}`, { skip }, async (t) => {
    const disk = spoiledDisk(t.testdir(), offset);
    const words = `blk mode=seqread count=${FULL_CHECK_EVERY}`;
    const run = await runSmallGuest(t, { words, args: ['--disable-sandbox', '--disk', disk] });
    const [blk] = linesOf(run.lines, 'blk');
    const [done] = linesOf(run.lines, 'done');
    t.equal(blk === undefined ? 0 : numberField(blk, 'bad'), 1, describeRun(run));
    t.equal(done?.fields.get('failures'), '1');
  });
}
