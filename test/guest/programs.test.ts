/** The small guest's programs on a machine of `crosvm run`, jailed and not. */
import t from 'tap';
import { SIGNS_OF_A_MISTAKE } from '../support/crosvm-process.ts';
import { describeRun, runSmallGuest, SANDBOX_MODES } from '../support/small-guest.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';
import { linesOf, numberField } from './firmware/output.ts';

const skip = kvmUnavailable() ?? false;
/** ACPI's and PCI's identifiers of what the machine has without options: the host bridge, then the entropy device. */
const DEFAULT_FUNCTIONS = [
  { slot: '0', vendor: '0x8086', device: '0x1237', class: '0x60000' },
  { slot: '1', vendor: '0x1af4', device: '0x1044', class: '0x88000' },
];

for (const { name, args } of SANDBOX_MODES) {
  t.test(`crosvm run ${name}: hello, exits, pci and rng in one guest`, { skip }, async (t) => {
    const words = 'hello text=there exits count=200 pci rng bytes=65536 chunk=4096';
    const run = await runSmallGuest(t, { words, args });
    const shown = describeRun(run);

    t.equal(run.code, 32, shown);
    t.notMatch(run.stderr, SIGNS_OF_A_MISTAKE);
    t.match(run.stderr, /the guest asked for a reset \(i8042\)/);
    t.equal(linesOf(run.lines, 'hello')[0]?.fields.get('text'), 'there', shown);
    t.equal(linesOf(run.lines, 'exits')[0]?.fields.get('count'), '200', shown);
    const functions = linesOf(run.lines, 'function').map(({ fields }) =>
      Object.fromEntries(fields),
    );
    t.match(functions, DEFAULT_FUNCTIONS);
    t.equal(functions.length, DEFAULT_FUNCTIONS.length);
    const [pci] = linesOf(run.lines, 'pci');
    t.equal(pci?.fields.get('ecam_mismatches'), '0', 'ports and ECAM show the same');
    t.equal(pci?.fields.get('ecam'), '0xf4000000');
    const [rng] = linesOf(run.lines, 'rng');
    t.equal(rng?.fields.get('bytes'), '65536', shown);
    // 524288 fair bits: the standard deviation of this figure is 0.7.
    const ones = rng === undefined ? 0 : numberField(rng, 'ones_per_mille');
    t.ok(ones >= 490 && ones <= 510, `${ones} of 1000 bits are set`);
    t.equal(linesOf(run.lines, 'done')[0]?.fields.get('failures'), '0', shown);
  });
}

t.test(
  'crosvm run: repeat_ms runs all programs again until the time has passed',
  { skip },
  async (t) => {
    // One pass takes some milliseconds, and on a busy host a hundred times that.
    const words = 'repeat_ms=2000 rng bytes=64 exits count=20';
    const run = await runSmallGuest(t, { words });
    const shown = describeRun(run);
    const passes = linesOf(run.lines, 'rng').length;
    t.ok(passes > 1, shown);
    t.equal(linesOf(run.lines, 'exits').length, passes, shown);
    t.equal(linesOf(run.lines, 'done')[0]?.fields.get('failures'), '0', shown);
  },
);

t.test('crosvm run: two guests get different random bytes', { skip }, async (t) => {
  const runs = await Promise.all([1, 2].map(() => runSmallGuest(t, { words: 'rng bytes=64' })));
  const digests = runs.map(({ lines }) => linesOf(lines, 'rng')[0]?.fields.get('digest'));
  t.type(digests[0], 'string');
  t.not(digests[0], digests[1]);
});

t.test('crosvm run --no-rng: the machine has no entropy device', { skip }, async (t) => {
  const run = await runSmallGuest(t, { words: 'pci', args: ['--no-rng'] });
  t.equal(linesOf(run.lines, 'function').length, 1, describeRun(run));
});

t.test('crosvm run --cpus 4 --mem 5120: RAM goes on above the hole', { skip }, async (t) => {
  const args = ['--cpus', '4', '--mem', '5120'];
  const run = await runSmallGuest(t, { words: 'hello', args });
  const [boot] = linesOf(run.lines, 'boot');
  t.equal(boot?.fields.get('ram_end'), '0xd0000000', describeRun(run));
  t.equal(run.code, 32);
});
