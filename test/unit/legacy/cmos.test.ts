import fc from 'fast-check';
import t from 'tap';
import type { AccessSize } from '../../../src/bus/bus-device.ts';
import { Cmos } from '../../../src/legacy/cmos.ts';
import { holds } from '../../support/property.ts';
import { RecordingLine } from './recording-line.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
/** A Saturday afternoon. */
const NOW = Date.UTC(2026, 10, 21, 15, 4, 9);
const REGISTER_B = 0x0b;

class CmosBench {
  nowMs = NOW;
  readonly line = new RecordingLine();
  readonly alarms: (number | undefined)[] = [];
  readonly cmos = new Cmos({
    lowRamBytes: 512 * MIB,
    highRamBytes: 0,
    interrupt: this.line,
    now: () => this.nowMs,
    onAlarmChanged: (alarmAt) => this.alarms.push(alarmAt),
  });

  get(index: number): number {
    this.cmos.write(0, 1, index);
    return this.cmos.read(1, 1);
  }

  set(index: number, value: number): void {
    this.cmos.write(0, 1, index);
    this.cmos.write(1, 1, value);
  }

  time(): readonly number[] {
    return [0x32, 0x09, 0x08, 0x07, 0x04, 0x02, 0x00].map((index) => this.get(index));
  }
}

t.test('Cmos tells the time in BCD and 24 hours from reset', async (t) => {
  const rtc = new CmosBench();
  t.strictSame(rtc.time(), [0x20, 0x26, 0x11, 0x21, 0x15, 0x04, 0x09]);
  t.equal(rtc.get(0x06), 7, 'Saturday');
  t.equal(rtc.get(0x0a) & 0x80, 0, 'no update in progress');
  t.equal(rtc.get(0x0d), 0x80, 'the battery is fine');
  rtc.nowMs += 1000;
  t.equal(rtc.get(0x00), 0x10);
});

t.test('Cmos tells the time in binary and in 12 hours when asked', async (t) => {
  const rtc = new CmosBench();
  rtc.set(REGISTER_B, 0x06);
  t.strictSame(rtc.time(), [20, 26, 11, 21, 15, 4, 9]);
  rtc.set(REGISTER_B, 0x00);
  t.equal(rtc.get(0x04), 0x83, '3 p.m.');
  rtc.nowMs = Date.UTC(2026, 0, 1, 0, 0, 0);
  t.equal(rtc.get(0x04), 0x12, 'midnight');
});

t.test('Cmos keeps the time that a guest sets, and it goes on', async (t) => {
  const rtc = new CmosBench();
  rtc.set(REGISTER_B, 0x82);
  rtc.set(0x09, 0x30);
  rtc.set(0x00, 0x00);
  rtc.nowMs += 5000;
  t.equal(rtc.get(0x00), 0x00, 'held while SET is on');
  rtc.set(REGISTER_B, 0x02);
  rtc.nowMs += 3000;
  t.strictSame(rtc.time(), [0x20, 0x30, 0x11, 0x21, 0x15, 0x04, 0x03]);
});

t.test('Cmos reports memory in the bytes that firmware reads', async (t) => {
  const interrupt = new RecordingLine();
  const cmos = new Cmos({ lowRamBytes: 3328 * MIB, highRamBytes: 5 * GIB, interrupt });
  const get = (index: number): number => {
    cmos.write(0, 1, index);
    return cmos.read(1, 1);
  };
  const units = get(0x34) + get(0x35) * 0x100;
  t.equal(units * 64 * 1024 + 16 * MIB, 3328 * MIB);
  const highUnits = get(0x5b) + get(0x5c) * 0x100 + get(0x5d) * 0x1_0000;
  t.equal(highUnits * 64 * 1024, 5 * GIB);
});

t.test('Cmos raises the alarm at its time and IRQ 8 until register C is read', async (t) => {
  const rtc = new CmosBench();
  rtc.set(0x05, 0x15);
  rtc.set(0x03, 0x05);
  rtc.set(0x01, 0x00);
  t.equal(rtc.cmos.alarmAt, undefined, 'not enabled yet');
  rtc.set(REGISTER_B, 0x22);
  t.equal(rtc.cmos.alarmAt, Date.UTC(2026, 10, 21, 15, 5, 0));
  rtc.cmos.onTimer();
  t.equal(rtc.line.isAsserted, false, 'too early');
  rtc.nowMs = Date.UTC(2026, 10, 21, 15, 5, 0);
  rtc.cmos.onTimer();
  t.equal(rtc.line.isAsserted, true);
  t.equal(rtc.get(0x0c), 0xa0);
  t.equal(rtc.line.isAsserted, false);
  t.equal(rtc.get(0x0c), 0);
  const tomorrow = Date.UTC(2026, 10, 22, 15, 5, 0);
  t.equal(rtc.cmos.alarmAt, tomorrow, 'again tomorrow');
  rtc.set(REGISTER_B, 0x02);
  t.strictSame(rtc.alarms, [Date.UTC(2026, 10, 21, 15, 5, 0), tomorrow, undefined]);
});

t.test('Cmos takes alarm bytes that match every value, and none that match no time', async (t) => {
  const rtc = new CmosBench();
  rtc.set(0x05, 0xff);
  rtc.set(0x03, 0xff);
  rtc.set(0x01, 0x30);
  rtc.set(REGISTER_B, 0x22);
  t.equal(rtc.cmos.alarmAt, Date.UTC(2026, 10, 21, 15, 4, 30), 'every minute at :30');
  rtc.set(0x01, 0x75);
  t.equal(rtc.cmos.alarmAt, undefined);
});

t.test('Cmos takes any access; its alarm is off or within a day', async (t) => {
  const step = fc.record({
    isWrite: fc.boolean(),
    offset: fc.nat(1),
    size: fc.constantFrom<AccessSize>(1, 1, 1, 2, 4),
    value: fc.oneof(fc.nat(255), fc.constantFrom(0x01, 0x03, 0x05, 0x0b, 0x22, 0xa2, 0x00, 0x32)),
  });
  holds(
    t,
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const rtc = new CmosBench();
      for (const { isWrite, offset, size, value } of steps) {
        if (isWrite) {
          rtc.cmos.write(offset, size, value);
        } else {
          const read = rtc.cmos.read(offset, size);
          if (read < 0 || read >= 2 ** (8 * size)) {
            return false;
          }
        }
      }
      const { alarmAt } = rtc.cmos;
      return alarmAt === undefined || (alarmAt > NOW && alarmAt <= NOW + 86_400_000);
    }),
  );
});
