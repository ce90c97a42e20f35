import t from 'tap';
import { DEVICE_KINDS, loadDeviceModule } from '../../../src/devices/registry.ts';

for (const kind of DEVICE_KINDS) {
  t.test(`loadDeviceModule finds ${kind} under its own name`, async (t) => {
    const module = await loadDeviceModule(kind);
    t.equal(module.name, kind);
    t.ok(module.virtioId > 0 && module.virtioId < 64);
    t.match(module.profileName, /^[a-z0-9-]+$/);
  });
}

for (const kind of ['', 'blok', '__proto__', 'constructor']) {
  t.test(`loadDeviceModule refuses the kind "${kind}"`, async (t) => {
    await t.rejects(loadDeviceModule(kind), {
      code: 'ERR_DEVICE_KIND',
      message: `there is no device kind "${kind}"; there are: ${DEVICE_KINDS.join(', ')}`,
    });
  });
}
