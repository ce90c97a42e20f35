import t from 'tap';
import { probeRing0 } from '../../src/doctor/ring0-probe.ts';
import { Kvm } from '../../src/hypervisor/kvm.ts';
import { hostEmulatesRing0 } from '../../src/vcpu/exit.ts';
import { kvmUnavailable } from '../support/tiny-machine.ts';

t.test(
  'probeRing0 agrees with the module that this host has loaded, and ends soon',
  { skip: kvmUnavailable() ?? false },
  async (t) => {
    using kvm = Kvm.open();
    const start = performance.now();
    const result = probeRing0(kvm);
    const elapsedMs = performance.now() - start;
    t.equal(result.kind, hostEmulatesRing0() ? 'emulated' : 'native', JSON.stringify(result));
    // Generous: the host may be busy or emulated itself.
    t.ok(elapsedMs < 5000, `${elapsedMs} ms`);
  },
);
