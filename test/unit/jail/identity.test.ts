import fc from 'fast-check';
import t from 'tap';
import { type CallerIdentity, chooseIdentity, isMapped } from '../../../src/jail/identity.ts';

/** The initial user namespace: every id is itself. */
const WHOLE_MAP = '         0          0 4294967295\n';
const PID_MAX = 4_194_304;

function caller(change: Partial<CallerIdentity> = {}): CallerIdentity {
  return {
    pid: 100,
    euid: 0,
    egid: 0,
    mayMapAnyId: true,
    uidMap: WHOLE_MAP,
    gidMap: WHOLE_MAP,
    ...change,
  };
}

t.test('isMapped looks for the id in every line', async (t) => {
  const map = '0 1000 1\n1 100000 65536\n';
  t.ok(isMapped(map, 0));
  t.ok(isMapped(map, 65536));
  t.notOk(isMapped(map, 65537));
});

t.test('chooseIdentity maps an ordinary user to itself and gives up setgroups', async (t) => {
  t.strictSame(chooseIdentity(caller({ euid: 501, egid: 20, mayMapAnyId: false }), 0), {
    uid: 1000,
    gid: 1000,
    uidMap: '1000 501 1\n',
    gidMap: '1000 20 1\n',
    denySetgroups: true,
    dedicatedHostId: undefined,
  });
});

t.test(
  'chooseIdentity gives a device of root an id of its own, and keeps root for the mounts',
  async (t) => {
    const dedicated = 0x7000_0000 + 100 * 64 + 3;
    t.strictSame(chooseIdentity(caller(), 3), {
      uid: 1000,
      gid: 1000,
      uidMap: `0 0 1\n1000 ${dedicated} 1\n`,
      gidMap: `0 0 1\n1000 ${dedicated} 1\n`,
      denySetgroups: false,
      dedicatedHostId: dedicated,
    });
  },
);

t.test('chooseIdentity falls back to its own id in a container that has no other', async (t) => {
  const identity = chooseIdentity(caller({ uidMap: '0 1000 1\n' }), 0);
  t.match(identity, { uidMap: '1000 0 1\n', denySetgroups: true, dedicatedHostId: undefined });
});

t.test('chooseIdentity never takes one id for two devices, nor one beyond the range', async (t) => {
  const device = fc.tuple(
    fc.integer({ min: 1, max: PID_MAX - 1 }),
    fc.integer({ min: 0, max: 63 }),
  );
  fc.assert(
    fc.property(device, device, ([pid, index], [otherPid, otherIndex]) => {
      const one = chooseIdentity(caller({ pid }), index).dedicatedHostId ?? 0;
      const other = chooseIdentity(caller({ pid: otherPid }), otherIndex).dedicatedHostId ?? 0;
      const isSameDevice = pid === otherPid && index === otherIndex;
      return (one === other) === isSameDevice && one >= 0x7000_0000 && one < 2 ** 31;
    }),
  );
  t.pass('for all pairs tried');
});
