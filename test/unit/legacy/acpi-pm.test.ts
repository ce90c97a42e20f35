import fc from 'fast-check';
import t from 'tap';
import type { AccessSize } from '../../../src/bus/bus-device.ts';
import { AcpiPm } from '../../../src/legacy/acpi-pm.ts';
import { holds } from '../../support/property.ts';
import { RecordingEvents } from './recording-events.ts';
import { RecordingLine } from './recording-line.ts';

const STATUS = 0;
const ENABLE = 2;
const CONTROL = 4;
const POWER_BUTTON = 0x100;
const SLEEP_BUTTON = 0x200;
const SLEEP_ENABLE = 0x2000;

class PmBench {
  readonly events = new RecordingEvents();
  readonly sci = new RecordingLine();
  readonly pm = new AcpiPm(this.events, this.sci);
}

t.test('AcpiPm raises the SCI for an enabled power button until the guest clears it', async (t) => {
  const { pm, sci } = new PmBench();
  pm.write(ENABLE, 2, POWER_BUTTON);
  pm.pressPowerButton();
  t.equal(sci.isAsserted, true);
  t.equal(pm.read(STATUS, 2), POWER_BUTTON);
  pm.write(STATUS, 2, SLEEP_BUTTON);
  t.equal(sci.isAsserted, true, 'another bit');
  pm.write(STATUS, 2, POWER_BUTTON);
  t.equal(sci.isAsserted, false);
  t.equal(pm.read(STATUS, 2), 0);
});

t.test('AcpiPm keeps the status of a button that is enabled later', async (t) => {
  const { pm, sci } = new PmBench();
  pm.pressSleepButton();
  t.equal(sci.isAsserted, false);
  pm.write(ENABLE, 2, SLEEP_BUTTON);
  t.equal(sci.isAsserted, true);
});

t.test('AcpiPm lets every fixed event be enabled, and no other bit', async (t) => {
  const { pm } = new PmBench();
  pm.write(ENABLE, 2, 0xffff);
  t.equal(pm.read(ENABLE, 2), 0x0720);
});

t.test('AcpiPm powers off on SLP_EN with the type of S5', async (t) => {
  const { pm, events } = new PmBench();
  pm.write(CONTROL, 2, 0);
  t.strictSame(events.calls, []);
  pm.write(CONTROL, 2, SLEEP_ENABLE);
  t.strictSame(events.calls, ['power off']);
});

t.test('AcpiPm does not sleep in states that it does not offer', async (t) => {
  const { pm, events } = new PmBench();
  pm.write(CONTROL, 2, SLEEP_ENABLE | (1 << 10));
  t.strictSame(events.calls, []);
  t.equal(pm.refusedSleeps, 1);
  t.equal(pm.read(CONTROL, 2), 0x0401, 'SCI_EN and the type; SLP_EN reads as zero');
});

t.test('AcpiPm takes bytes and dwords', async (t) => {
  const { pm, events } = new PmBench();
  pm.write(ENABLE + 1, 1, 0x01);
  t.equal(pm.read(ENABLE, 2), POWER_BUTTON);
  pm.write(ENABLE, 1, 0);
  t.equal(pm.read(ENABLE, 2), POWER_BUTTON, 'the other byte is kept');
  pm.pressPowerButton();
  t.equal(pm.read(STATUS, 4), 0x0100_0100);
  pm.write(CONTROL, 1, 0xff);
  t.strictSame(events.calls, [], 'the lower byte of control has no SLP_EN');
  pm.write(CONTROL + 1, 1, 0x20);
  t.strictSame(events.calls, ['power off']);
});

t.test('AcpiPm takes any access; the SCI is up exactly for enabled status bits', async (t) => {
  const step = fc.record({
    isPress: fc.boolean(),
    offset: fc.nat(AcpiPm.PORT_COUNT - 1),
    size: fc.constantFrom<AccessSize>(1, 2, 4),
    value: fc.nat(0xffff_ffff),
  });
  holds(
    t,
    fc.property(fc.array(step), (steps) => {
      const { pm, sci } = new PmBench();
      for (const { isPress, offset, size, value } of steps) {
        if (isPress) {
          pm.pressPowerButton();
        }
        pm.write(offset, size, value % 2 ** (8 * size));
        const read = pm.read(offset, size);
        if (read < 0 || read >= 2 ** (8 * size)) {
          return false;
        }
        const isPending = (pm.read(STATUS, 2) & pm.read(ENABLE, 2)) !== 0;
        if (sci.isAsserted !== isPending) {
          return false;
        }
      }
      return true;
    }),
  );
});
