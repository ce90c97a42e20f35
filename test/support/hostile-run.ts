/** Runs of the small guest's hostile driver. */
import t from 'tap';
import { linesOf, numberField } from '../guest/firmware/output.ts';
import { writePatternDisk } from '../guest/firmware/pattern.ts';
import { SIGNS_OF_A_MISTAKE, TIMEOUT_MS } from './crosvm-process.ts';
import { runSmallGuest, SANDBOX_MODES } from './small-guest.ts';
import { kvmUnavailable } from './tiny-machine.ts';

const DISK_BYTES = 8 << 20;

/** A device to attack. */
export interface HostileTarget {
  readonly target: 'blk' | 'rng';
  /** A run that makes fewer attacks has not made all. */
  readonly attacksMin: number;
}

/**
 * Declares the tests for one kind of device: every attack, jailed and not. After each attack the guest resets the
 * device and uses it; afterwards a new machine must find the host's side sound.
 */
export function testHostileDriver({ target, attacksMin }: HostileTarget): void {
  const skip = kvmUnavailable() ?? false;
  for (const { name, args } of SANDBOX_MODES) {
    t.test(
      `crosvm run ${name}: ${target} outlives every attack of a hostile driver`,
      { skip },
      async (t) => {
        const disk = `${t.testdir()}/disk.img`;
        writePatternDisk(disk, DISK_BYTES);
        const run = await runSmallGuest(t, {
          words: `hostile target=${target}`,
          args: [...args, '--rwdisk', disk],
          options: { timeoutMs: TIMEOUT_MS },
        });

        const attacks = linesOf(run.lines, 'attack');
        const lost = attacks.filter(({ fields }) => fields.get('survived') !== '1');
        t.same(
          lost.map(({ fields }) => fields.get('case')),
          [],
          run.stderr,
        );
        t.ok(attacks.length >= attacksMin, `${attacks.length} attacks\n${run.stderr.slice(-2000)}`);
        const [total] = linesOf(run.lines, 'hostile');
        t.equal(total === undefined ? undefined : numberField(total, 'survived'), attacks.length);
        t.equal(linesOf(run.lines, 'done')[0]?.fields.get('failures'), '0');
        t.equal(run.code, 32, run.stderr.slice(-2000));
        t.notMatch(run.stderr, SIGNS_OF_A_MISTAKE);
      },
    );
  }
}
