import t from 'tap';
import { createEventFd, drainEventFd, signalEventFd } from '../../../src/sys/eventfd.ts';
import { isReadable } from '../../../src/sys/poll.ts';

t.test('isReadable sees a signal and leaves it there', async (t) => {
  using eventfd = createEventFd();
  t.equal(isReadable(eventfd.raw), false);
  signalEventFd(eventfd.raw);
  t.equal(isReadable(eventfd.raw), true);
  t.equal(isReadable(eventfd.raw), true);
  t.equal(drainEventFd(eventfd.raw), true);
  t.equal(isReadable(eventfd.raw), false);
});

t.test('isReadable is false for a descriptor that is not open', async (t) => {
  const eventfd = createEventFd();
  const number = eventfd.raw;
  eventfd.close();
  t.equal(isReadable(number), false);
});
