import t from 'tap';
import type { AnyStruct } from '../../src/base/struct.ts';
import * as caps from '../../src/hypervisor/caps.ts';
import * as constants from '../../src/hypervisor/constants.ts';
import * as ioctls from '../../src/hypervisor/ioctls.ts';
import * as structs from '../../src/hypervisor/structs.ts';
import * as exits from '../../src/vcpu/exit-decode.ts';
import { askHeaders, headersUnavailable } from './header-probe.ts';

const INCLUDES = ['sys/ioctl.h', 'linux/kvm.h'];
const skip = headersUnavailable(INCLUDES);

/** The numbers among the exports of a module that have names of the header. */
function kvmConstants(module: Readonly<Record<string, unknown>>): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, value] of Object.entries(module)) {
    if (name.startsWith('KVM_') && typeof value === 'number') {
      found[name] = value;
    }
  }
  return found;
}

t.test(
  'every structure, field, request and constant of the KVM tables agrees with linux/kvm.h',
  { skip: skip ?? false },
  async (t) => {
    const tables: readonly AnyStruct[] = Object.values(structs);
    const numbers = [ioctls, caps, constants, exits].map(kvmConstants);
    const constantsByName = Object.fromEntries(numbers.flatMap((module) => Object.entries(module)));
    const facts = askHeaders(
      { includes: INCLUDES, structs: tables, constants: constantsByName },
      t.testdir(),
    );
    const wrong = facts.filter(({ ours, theirs }) => ours !== theirs);
    t.same(wrong, [], 'nothing differs and nothing is missing');
    for (const module of numbers) {
      t.not(Object.keys(module).length, 0, 'each module gave names to compare');
    }
    t.ok(facts.some(({ name }) => name === 'offsetof(struct kvm_run, io.data_offset)'));
  },
);

t.test(
  'askHeaders tells a wrong offset, a wrong constant and an unknown one',
  { skip: skip ?? false },
  async (t) => {
    const wrongTable: AnyStruct = {
      name: 'struct kvm_irq_level',
      sizeBytes: 8,
      fields: { level: { kind: 'scalar', offset: 0, width: 4 } },
    };
    const facts = askHeaders(
      {
        includes: INCLUDES,
        structs: [wrongTable],
        constants: { KVM_CAP_IRQFD: 1, KVM_NO_SUCH_NAME: 5 },
      },
      t.testdir(),
    );
    const wrong = facts.filter(({ ours, theirs }) => ours !== theirs);
    t.same(wrong, [
      { name: 'offsetof(struct kvm_irq_level, level)', ours: 0, theirs: 4 },
      { name: 'KVM_CAP_IRQFD', ours: 1, theirs: 32 },
      { name: 'KVM_NO_SUCH_NAME', ours: 5, theirs: undefined },
    ]);
  },
);
