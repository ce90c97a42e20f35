import t from 'tap';
import { Kvm } from '../../../src/hypervisor/kvm.ts';

t.test('Kvm.open of a missing device says which module to load', async (t) => {
  t.throws(() => Kvm.open('/nonexistent/kvm'), {
    code: 'ERR_KVM_MISSING',
    message:
      /^\/nonexistent\/kvm cannot be opened \(ENOENT\): load the module \(modprobe kvm_intel or kvm_amd\)/,
    syscall: 'open(/nonexistent/kvm)',
  });
});

t.test(
  'Kvm.open of a device that this user may not open names the group',
  { skip: process.geteuid?.() === 0 ? 'root may open every file' : false },
  async (t) => {
    const directory = t.testdir({ kvm: '' });
    const { chmodSync } = await import('node:fs');
    chmodSync(`${directory}/kvm`, 0);
    t.throws(() => Kvm.open(`${directory}/kvm`), {
      code: 'ERR_KVM_DENIED',
      message: /\(EACCES\): join the group that owns the device \(usermod -aG kvm USER/,
    });
  },
);

t.test('Kvm.open of something that is not KVM refuses it', async (t) => {
  t.throws(() => Kvm.open('/dev/null'), {
    code: 'ERR_KVM_VERSION',
    message: /answers KVM_GET_API_VERSION with -1 instead of 12/,
  });
});
