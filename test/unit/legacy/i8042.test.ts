import t from 'tap';
import { I8042 } from '../../../src/legacy/i8042.ts';
import { RecordingEvents } from './recording-events.ts';

t.test('I8042 resets the machine on command 0xfe and on no other', async (t) => {
  const events = new RecordingEvents();
  const { command, data } = new I8042(events);
  for (let value = 0; value < 0x100; value++) {
    data.write(0, 1, value);
    if (value !== 0xfe) {
      command.write(0, 1, value);
    }
  }
  command.write(0, 2, 0xfe);
  t.strictSame(events.calls, []);
  command.write(0, 1, 0xfe);
  t.strictSame(events.calls, ['reset i8042']);
});

t.test('I8042 always has room for a command, so that a reset does not wait', async (t) => {
  const { command } = new I8042(new RecordingEvents());
  t.equal(command.read(0, 1) & 0x02, 0);
});

t.test('I8042 ends the probe of a driver that empties its buffer within 17 reads', async (t) => {
  const { command, data } = new I8042(new RecordingEvents());
  // Linux's i8042_flush() gives up at 16 bytes and reports that there is no controller.
  let count = 0;
  while ((command.read(0, 1) & 0x01) !== 0 && count <= 16) {
    data.read(0, 1);
    count++;
  }
  t.equal(count, 17);
});
