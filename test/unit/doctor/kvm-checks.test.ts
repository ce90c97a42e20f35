import t from 'tap';
import {
  capabilityCheck,
  linuxVerdict,
  openFailure,
  ring0Check,
} from '../../../src/doctor/kvm-checks.ts';
import { Kvm } from '../../../src/hypervisor/kvm.ts';

t.test('openFailure separates what is wrong from what to do', async (t) => {
  try {
    Kvm.open('/nonexistent/kvm');
    t.fail('there is no such device');
  } catch (error) {
    t.match(openFailure(error), {
      name: 'kvm',
      status: 'missing',
      detail: '/dev/kvm cannot be opened: no machine can run',
      remedy: /^load the module \(modprobe kvm_intel or kvm_amd\)/,
    });
  }
  t.match(openFailure(new Error('odd')), { status: 'missing', detail: 'odd: no machine can run' });
});

t.test('capabilityCheck names what is lacking', async (t) => {
  t.match(capabilityCheck([]), { status: 'ok' });
  t.match(capabilityCheck(['KVM_CAP_IRQFD']), {
    status: 'missing',
    detail: /lacks KVM_CAP_IRQFD:/,
  });
});

t.test('ring0Check judges native, slow, emulated and unknown', async (t) => {
  t.match(ring0Check({ kind: 'native', instructionsPerSecond: 2e9 }), {
    status: 'ok',
    detail: /2000 million/,
  });
  t.match(ring0Check({ kind: 'native', instructionsPerSecond: 1e6 }), {
    status: 'warn',
    detail: /only 1 million/,
  });
  t.match(ring0Check({ kind: 'emulated', instruction: 'INT3' }), {
    status: 'missing',
    detail: /gives up at INT3/,
    remedy: /hardware virtualization/,
  });
  t.match(ring0Check({ kind: 'unknown', reason: 'hlt' }), { status: 'warn', detail: /: hlt$/ });
});

t.test('linuxVerdict says yes only where ring 0 was seen to run natively', async (t) => {
  t.match(linuxVerdict({ kind: 'native', instructionsPerSecond: 2e9 }), { canRunLinux: true });
  t.match(linuxVerdict({ kind: 'emulated', instruction: 'INT3' }), { canRunLinux: false });
  t.match(linuxVerdict({ kind: 'unknown', reason: 'x' }), { canRunLinux: false, reason: /x$/ });
});
