import t from 'tap';
import { EventLoop, type LoopWork } from '../../../src/devices/event-loop.ts';
import { createEventFd, drainEventFd, signalEventFd } from '../../../src/sys/eventfd.ts';

/** Work that consists of a number of rounds. */
class Rounds implements LoopWork {
  left: number;
  done = 0;
  slept = 0;
  constructor(left: number) {
    this.left = left;
  }
  hasWork(): boolean {
    return this.left > 0;
  }
  work(): void {
    this.left--;
    this.done++;
  }
  prepareToSleep(): boolean {
    this.slept++;
    return true;
  }
  wake(): void {
    // Nothing was changed for the sleep.
  }
}

t.test('EventLoop.watch calls the handler while the descriptor is readable', (t) => {
  using loop = new EventLoop();
  using fd = createEventFd();
  let calls = 0;
  loop.watch(fd.raw, () => {
    calls++;
    if (calls === 3) {
      drainEventFd(fd.raw);
      loop.stop();
    }
  });
  signalEventFd(fd.raw);
  loop.run();
  t.equal(calls, 3);
  t.end();
});

t.test('EventLoop.watchEventFd calls the handler once per signal, though nobody reads', (t) => {
  using loop = new EventLoop();
  using kick = createEventFd();
  using end = createEventFd();
  let calls = 0;
  loop.watchEventFd(kick.raw, () => {
    calls++;
    signalEventFd(calls < 3 ? kick.raw : end.raw);
  });
  loop.watch(end.raw, () => {
    loop.stop();
  });
  signalEventFd(kick.raw);
  loop.run();
  t.equal(calls, 3);
  t.end();
});

t.test('EventLoop.watchEventFd reports a signal from before', (t) => {
  using loop = new EventLoop();
  using kick = createEventFd();
  signalEventFd(kick.raw);
  loop.watchEventFd(kick.raw, () => {
    loop.stop();
  });
  loop.run();
  t.pass('it came back');
  t.end();
});

t.test('EventLoop.unwatch ends the calls', (t) => {
  using loop = new EventLoop();
  using first = createEventFd();
  using second = createEventFd();
  const seen: string[] = [];
  loop.watch(first.raw, () => {
    seen.push('first');
    loop.unwatch(first.raw);
    signalEventFd(second.raw);
  });
  loop.watch(second.raw, () => {
    seen.push('second');
    loop.stop();
  });
  signalEventFd(first.raw);
  loop.run();
  t.same(seen, ['first', 'second']);
  t.end();
});

for (const pollMicros of [0, 20]) {
  t.test(
    `EventLoop.run with a look of ${pollMicros} µs finishes its work before it sleeps`,
    (t) => {
      using loop = new EventLoop();
      using fd = createEventFd();
      const rounds = new Rounds(5);
      loop.setWork(
        {
          hasWork: () => rounds.hasWork(),
          work: () => {
            rounds.work();
            if (rounds.left === 0) {
              signalEventFd(fd.raw);
            }
          },
          prepareToSleep: () => rounds.prepareToSleep(),
          wake: () => undefined,
        },
        pollMicros,
      );
      loop.watch(fd.raw, () => {
        loop.stop();
      });
      loop.run();
      t.equal(rounds.done, 5);
      t.equal(rounds.slept, 1);
      t.end();
    },
  );
}

t.test('EventLoop.run serves descriptors while there is more work than it can ever finish', (t) => {
  using loop = new EventLoop();
  using fd = createEventFd();
  const rounds = new Rounds(Number.MAX_SAFE_INTEGER);
  loop.setWork(rounds, 0);
  loop.watch(fd.raw, () => {
    loop.stop();
  });
  signalEventFd(fd.raw);
  loop.run();
  t.ok(rounds.done <= 16, `${rounds.done} rounds came first`);
  t.equal(rounds.slept, 0);
  t.end();
});

t.test('EventLoop.run does not sleep when work turns up on the way', (t) => {
  using loop = new EventLoop();
  const rounds = new Rounds(0);
  let asked = 0;
  loop.setWork(
    {
      hasWork: () => rounds.hasWork(),
      work: () => {
        rounds.work();
        loop.stop();
      },
      prepareToSleep: () => {
        asked++;
        rounds.left = 1;
        return false;
      },
      wake: () => {
        t.fail('it never slept');
      },
    },
    0,
  );
  loop.run();
  t.equal(asked, 1);
  t.equal(rounds.done, 1);
  t.end();
});
