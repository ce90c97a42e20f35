import t from 'tap';
import { missing, ok, warn } from '../../../src/doctor/check.ts';
import { formatDoctor, isHostUsable, probeHost } from '../../../src/doctor/doctor.ts';

const CHECKS = [ok('kvm', 'fine'), warn('huge pages', 'slower', 'echo advise')];

t.test('formatDoctor lines up the columns and puts the remedy below', async (t) => {
  t.equal(
    formatDoctor(CHECKS, { json: false }),
    [
      'ok       kvm         fine',
      'warn     huge pages  slower',
      '                     → echo advise',
    ].join('\n'),
  );
});

t.test('formatDoctor gives programs JSON', async (t) => {
  t.same(JSON.parse(formatDoctor(CHECKS, { json: true })), CHECKS);
});

t.test('isHostUsable tolerates warnings, not what is missing', async (t) => {
  t.equal(isHostUsable(CHECKS), true);
  t.equal(isHostUsable([...CHECKS, missing('kvm', 'none', 'get one')]), false);
});

t.test(
  'probeHost looks at every facility of this host and gives a remedy for each lack',
  async (t) => {
    const checks = probeHost();
    const names = checks.map(({ name }) => name);
    for (const name of ['kvm', 'user namespaces', 'seccomp', 'tun', 'io_uring', 'memory', 'node']) {
      t.equal(names.filter((other) => other === name).length, 1, name);
    }
    t.same(
      checks.filter(({ status, remedy }) => (status === 'ok') !== (remedy === '')),
      [],
      'a remedy where something is wrong, and only there',
    );
  },
);
