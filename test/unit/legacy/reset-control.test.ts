import t from 'tap';
import { ResetControl } from '../../../src/legacy/reset-control.ts';
import { RecordingEvents } from './recording-events.ts';

t.test(
  'ResetControl resets the machine by the sequence of Linux and by the value of the FADT',
  async (t) => {
    const events = new RecordingEvents();
    const register = new ResetControl(events);
    register.write(0, 1, 0x02);
    t.strictSame(events.calls, []);
    t.equal(register.read(0, 1), 0x02);
    register.write(0, 1, 0x0e);
    register.write(0, 1, 0x06);
    t.strictSame(events.calls, ['reset port 0xcf9', 'reset port 0xcf9']);
    t.equal(register.read(0, 1), 0x02, 'bit 2 never stays');
  },
);

t.test('ResetControl ignores wider accesses', async (t) => {
  const events = new RecordingEvents();
  const register = new ResetControl(events);
  register.write(0, 2, 0x06);
  t.strictSame(events.calls, []);
  t.equal(register.read(0, 2), 0xffff);
});
