import fc from 'fast-check';
import t from 'tap';
import type { AccessSize } from '../../../src/bus/bus-device.ts';
import { COALESCED_RING_ENTRIES } from '../../../src/hypervisor/coalesced-ring.ts';
import { Serial, type SerialSink } from '../../../src/legacy/serial.ts';
import { holds } from '../../support/property.ts';
import { RecordingLine } from './recording-line.ts';

const RBR = 0;
const THR = 0;
const IER = 1;
const IIR = 2;
const FCR = 2;
const LCR = 3;
const MCR = 4;
const LSR = 5;
const MSR = 6;
const SCR = 7;
const THRI = 0x02;
const RDI = 0x01;
const IIR_NO_INTERRUPT = 0x01;
const THRE_AND_TEMT = 0x60;

/** Takes bytes while it has room. */
class BoundedSink implements SerialSink {
  readonly bytes: number[] = [];
  room = Number.POSITIVE_INFINITY;

  write(byte: number): boolean {
    if (this.room === 0) {
      return false;
    }
    this.room--;
    this.bytes.push(byte);
    return true;
  }
}

class SerialBench {
  readonly sink = new BoundedSink();
  readonly line = new RecordingLine();
  /** What the port published last, and whether its interrupt was up by then. */
  published: readonly [status: number, wasAsserted: boolean] = [-1, false];
  readonly serial = new Serial({
    name: 'serial0',
    sink: this.sink,
    interrupt: this.line,
    lineStatus: {
      publish: (status) => {
        this.published = [status, this.line.isAsserted];
      },
    },
  });

  in(register: number): number {
    return this.serial.read(register, 1);
  }

  out(register: number, value: number): void {
    this.serial.write(register, 1, value);
  }

  type(text: string): number {
    return this.serial.queueInput(Buffer.from(text));
  }
}

t.test('Serial writes the data register to its sink and stays ready', async (t) => {
  const uart = new SerialBench();
  uart.out(THR, 0x41);
  t.strictSame(uart.sink.bytes, [0x41]);
  t.equal(uart.in(LSR), THRE_AND_TEMT);
});

t.test('Serial passes the probe of an 8250 driver as a 16550A', async (t) => {
  // The order and the values of the checks that Linux makes in autoconfig() of its 8250 driver.
  const uart = new SerialBench();
  uart.out(IER, 0);
  t.equal(uart.in(IER) & 0x0f, 0, 'interrupt enable bits clear');
  uart.out(IER, 0x0f);
  t.equal(uart.in(IER), 0x0f, 'and set; no bit above them');
  uart.out(IER, 0);

  uart.out(MCR, 0x10 | 0x0a);
  t.equal(uart.in(MSR) & 0xf0, 0x90, 'loopback: OUT2 gives DCD, RTS gives CTS');
  uart.out(MCR, 0);

  uart.out(LCR, 0xbf);
  uart.out(FCR, 0);
  uart.out(LCR, 0);
  uart.out(FCR, 0x01);
  t.equal(uart.in(IIR) >> 6, 3, 'FIFOs present and working: 16550A');

  uart.out(LCR, 0x80);
  t.not(uart.in(2), 0, 'no EFR in its place: neither 16650 nor 16C950');
  uart.out(LCR, 0xbf);
  t.not(uart.in(2), 0);
  uart.out(LCR, 0);
  uart.out(FCR, 0x01 | 0x20);
  t.equal(uart.in(IIR) >> 5, 6, 'no 64-byte FIFO: not a 16750');
  uart.out(IER, 0x40);
  t.equal(uart.in(IER) & 0x40, 0, 'no UUE bit: not an XScale');
  uart.out(SCR, 0xa5);
  t.equal(uart.in(SCR), 0xa5);
});

t.test('Serial passes the start-up tests of an 8250 driver', async (t) => {
  const uart = new SerialBench();
  // Twice, as Linux does to find chips that raise this interrupt only once.
  for (const round of ['first', 'second']) {
    uart.out(IER, THRI);
    t.equal(uart.in(IIR) & IIR_NO_INTERRUPT, 0, `${round} enabling with an empty transmitter`);
    uart.out(IER, 0);
  }
  t.equal(uart.in(LSR) & 0x40, 0x40);
});

t.test('Serial raises the transmitter interrupt after each byte until IIR is read', async (t) => {
  const uart = new SerialBench();
  uart.out(IER, THRI);
  t.equal(uart.line.isAsserted, true);
  t.equal(uart.in(IIR) & 0x0f, 0x02);
  t.equal(uart.line.isAsserted, false, 'reading IIR acknowledges it');
  t.equal(uart.in(IIR) & 0x0f, IIR_NO_INTERRUPT);
  uart.out(THR, 0x41);
  t.equal(uart.line.isAsserted, true);
  t.equal(uart.line.risingEdges, 2);
  uart.out(IER, 0);
  t.equal(uart.line.isAsserted, false);
});

t.test('Serial keeps the line up while input waits, and reads it in order', async (t) => {
  const uart = new SerialBench();
  uart.out(IER, RDI);
  t.equal(uart.type('ok'), 2);
  t.equal(uart.line.isAsserted, true);
  t.equal(uart.in(IIR) & 0x0f, 0x04);
  t.equal(uart.in(LSR) & 1, 1);
  t.equal(uart.in(RBR), 0x6f);
  t.equal(uart.line.isAsserted, true, 'one more byte');
  t.equal(uart.in(RBR), 0x6b);
  t.equal(uart.line.isAsserted, false);
  t.equal(uart.in(LSR) & 1, 0);
});

t.test('Serial tells a character timeout below the trigger level', async (t) => {
  const uart = new SerialBench();
  uart.out(FCR, 0x81);
  uart.out(IER, RDI);
  uart.type('1234567');
  t.equal(uart.in(IIR) & 0x0f, 0x0c, 'seven bytes, trigger at eight');
  uart.type('8');
  t.equal(uart.in(IIR) & 0x0f, 0x04);
});

t.test('Serial takes host input up to its bound and passes all of it on', async (t) => {
  const uart = new SerialBench();
  const text = 'x'.repeat(10_000);
  const taken = uart.type(text);
  t.ok(taken < text.length && taken >= 4096, `took ${taken}`);
  t.equal(uart.type('y'), uart.serial.inputSpace > 0 ? 1 : 0);
  let count = 0;
  while ((uart.in(LSR) & 1) !== 0) {
    uart.in(RBR);
    count++;
  }
  t.ok(count >= taken);
  t.equal(uart.serial.inputSpace, 4096);
});

t.test('Serial clears its receive FIFO but not what the host has queued', async (t) => {
  const uart = new SerialBench();
  uart.type('0123456789abcdefREST');
  uart.out(FCR, 0x03);
  t.equal(uart.in(RBR), 'R'.charCodeAt(0));
});

t.test('Serial holds a FIFO and a ring of output while the sink is full', async (t) => {
  const uart = new SerialBench();
  uart.out(IER, THRI);
  uart.in(IIR);
  uart.sink.room = 0;
  for (let byte = 0; byte < COALESCED_RING_ENTRIES; byte++) {
    uart.serial.writeCollected(byte);
  }
  for (let byte = 0; byte < 16; byte++) {
    uart.out(THR, byte);
  }
  t.equal(uart.in(LSR) & THRE_AND_TEMT, 0);
  t.equal(uart.line.isAsserted, false, 'no transmitter interrupt meanwhile');
  uart.out(THR, 99);
  t.equal(uart.serial.lostOutputBytes, 1, 'a driver that does not wait loses');
  uart.sink.room = COALESCED_RING_ENTRIES + 10;
  uart.serial.onSinkWritable();
  t.equal(uart.in(LSR) & THRE_AND_TEMT, 0, 'six bytes left');
  uart.sink.room = 10;
  uart.serial.onSinkWritable();
  t.equal(uart.in(LSR) & THRE_AND_TEMT, THRE_AND_TEMT);
  t.equal(uart.line.isAsserted, true, 'and the driver learns of it');
  t.strictSame(
    uart.sink.bytes,
    [COALESCED_RING_ENTRIES, 16].flatMap((length) => Array.from({ length }, (_, byte) => byte)),
  );
});

t.test('Serial publishes its line status before the interrupt that tells of it', async (t) => {
  const uart = new SerialBench();
  t.strictSame(uart.published, [THRE_AND_TEMT, false], 'from the beginning');
  uart.out(IER, RDI);
  uart.type('a');
  t.strictSame(uart.published, [THRE_AND_TEMT | 1, false]);
  t.equal(uart.line.isAsserted, true);
  uart.in(RBR);
  t.equal(uart.published[0], THRE_AND_TEMT);
  uart.sink.room = 0;
  uart.out(THR, 0x41);
  t.equal(uart.published[0], 0, 'the transmitter is full');
  uart.sink.room = 1;
  uart.serial.onSinkWritable();
  t.equal(uart.published[0], THRE_AND_TEMT);
});

t.test('Serial publishes no line status whose reading has an effect or must wait', async (t) => {
  const uart = new SerialBench();
  uart.out(MCR, 0x10);
  t.equal(uart.published[0], -1, 'loopback: a collected write may have to be received first');
  for (let count = 0; count < 17; count++) {
    uart.serial.writeCollected(count);
  }
  uart.out(MCR, 0);
  t.equal(uart.published[0], -1, 'reading takes the overrun away');
  t.equal(uart.in(LSR) & 2, 2);
  t.equal(uart.published[0], THRE_AND_TEMT | 1);
});

t.test('Serial takes collected writes for what the data register is by now', async (t) => {
  const uart = new SerialBench();
  uart.serial.writeCollected(0x41);
  uart.out(LCR, 0x83);
  uart.serial.writeCollected(0x34);
  t.equal(uart.in(0), 0x34);
  uart.out(LCR, 0x03);
  uart.serial.writeCollected(0x42);
  t.strictSame(uart.sink.bytes, [0x41, 0x42]);
});

t.test('Serial.interruptsForOutput is true while a driver may sleep for it', async (t) => {
  const uart = new SerialBench();
  t.equal(uart.serial.interruptsForOutput, false);
  uart.out(IER, THRI);
  t.equal(uart.serial.interruptsForOutput, true);
  uart.out(IER, RDI);
  t.equal(uart.serial.interruptsForOutput, false);
  uart.out(MCR, 0x10);
  t.equal(uart.serial.interruptsForOutput, true, 'in loopback output is input');
});

t.test('Serial in loopback receives what it sends, and nothing from the host', async (t) => {
  const uart = new SerialBench();
  uart.out(MCR, 0x10);
  uart.type('h');
  uart.out(THR, 0x55);
  t.strictSame(uart.sink.bytes, []);
  t.equal(uart.in(RBR), 0x55);
  t.equal(uart.in(LSR) & 1, 0);
  uart.out(MCR, 0);
  t.equal(uart.in(RBR), 'h'.charCodeAt(0));
});

t.test('Serial reports an overrun in loopback once', async (t) => {
  const uart = new SerialBench();
  uart.out(MCR, 0x10);
  for (let count = 0; count < 17; count++) {
    uart.out(THR, count);
  }
  t.equal(uart.serial.overrunBytes, 1);
  t.equal(uart.in(LSR) & 2, 2);
  t.equal(uart.in(LSR) & 2, 0);
});

t.test('Serial keeps a divisor behind DLAB', async (t) => {
  const uart = new SerialBench();
  uart.out(LCR, 0x83);
  uart.out(0, 0x34);
  uart.out(1, 0x12);
  t.equal(uart.in(0), 0x34);
  t.equal(uart.in(1), 0x12);
  uart.out(LCR, 0x03);
  t.equal(uart.in(IER), 0);
  t.strictSame(uart.sink.bytes, []);
});

t.test('Serial takes any access; the line is up exactly while IIR names a source', async (t) => {
  const step = fc.record({
    kind: fc.constantFrom<'read' | 'write' | 'input' | 'room'>('read', 'write', 'input', 'room'),
    offset: fc.nat(7),
    size: fc.constantFrom<AccessSize>(1, 1, 1, 2, 4),
    value: fc.nat(255),
  });
  holds(
    t,
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const uart = new SerialBench();
      for (const { kind, offset, size, value } of steps) {
        switch (kind) {
          case 'read': {
            const read = uart.serial.read(offset, size);
            if (read < 0 || read >= 2 ** (8 * size)) {
              return false;
            }
            break;
          }
          case 'write':
            uart.serial.write(offset, size, value);
            break;
          case 'input':
            uart.serial.queueInput(new Uint8Array(value));
            break;
          case 'room':
            uart.sink.room = value % 4;
            uart.serial.onSinkWritable();
        }
      }
      const wasAsserted = uart.line.isAsserted;
      return wasAsserted === ((uart.in(IIR) & IIR_NO_INTERRUPT) === 0);
    }),
  );
});
