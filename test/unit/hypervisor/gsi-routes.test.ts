import t from 'tap';
import { gsi } from '../../../src/base/brands.ts';
import { decodeStruct } from '../../../src/base/struct.ts';
import {
  KVM_IOAPIC_NUM_PINS,
  KVM_IRQ_ROUTING_MSI,
  KVM_IRQCHIP_IOAPIC,
  KVM_IRQCHIP_PIC_MASTER,
  KVM_IRQCHIP_PIC_SLAVE,
} from '../../../src/hypervisor/constants.ts';
import { GSI_COUNT_MAX, GsiRoutes, irqchipRoutes } from '../../../src/hypervisor/gsi-routes.ts';
import { KVM_IRQ_ROUTING, KVM_IRQ_ROUTING_ENTRY } from '../../../src/hypervisor/structs.ts';
import { viewMemory } from '../../../src/sys/libc.ts';

type Entry = ReturnType<typeof decodeStruct<typeof KVM_IRQ_ROUTING_ENTRY>>;

/** Routes whose every table is decoded and kept instead of handed to KVM. */
function recordedRoutes(): { routes: GsiRoutes; tables: Entry[][] } {
  const tables: Entry[][] = [];
  const routes = new GsiRoutes((address) => {
    const head = new DataView(viewMemory(address, KVM_IRQ_ROUTING.sizeBytes));
    const { nr } = decodeStruct(KVM_IRQ_ROUTING, head);
    const size = KVM_IRQ_ROUTING.sizeBytes + nr * KVM_IRQ_ROUTING_ENTRY.sizeBytes;
    const view = new DataView(viewMemory(address, size));
    tables.push(
      Array.from({ length: nr }, (_, index) => {
        const at = KVM_IRQ_ROUTING.sizeBytes + index * KVM_IRQ_ROUTING_ENTRY.sizeBytes;
        return decodeStruct(KVM_IRQ_ROUTING_ENTRY, view, at);
      }),
    );
  });
  return { routes, tables };
}

t.test('irqchipRoutes takes the timer to I/O APIC pin 2 and nothing else there', async (t) => {
  const ioapic = irqchipRoutes().filter(({ irqchip }) => irqchip === KVM_IRQCHIP_IOAPIC);
  t.same(
    ioapic.filter(({ pin }) => pin === 2),
    [{ gsi: 0, irqchip: KVM_IRQCHIP_IOAPIC, pin: 2 }],
  );
  t.same(
    ioapic.filter(({ gsi: input }) => input !== 0).map(({ gsi: input, pin }) => input - pin),
    Array(KVM_IOAPIC_NUM_PINS - 2).fill(0),
    'every other pin has the number of its GSI',
  );
});

t.test('irqchipRoutes takes ISA interrupts to the PICs, the cascade left out', async (t) => {
  const find = (input: number) =>
    irqchipRoutes().find((route) => route.gsi === input && route.irqchip !== KVM_IRQCHIP_IOAPIC);
  t.same(find(4), { gsi: 4, irqchip: KVM_IRQCHIP_PIC_MASTER, pin: 4 });
  t.same(find(12), { gsi: 12, irqchip: KVM_IRQCHIP_PIC_SLAVE, pin: 4 });
  t.equal(find(2), undefined);
  t.equal(find(16), undefined);
});

t.test('GsiRoutes.commit hands over all changes as one table', async (t) => {
  const { routes, tables } = recordedRoutes();
  const first = routes.allocateMsiGsi();
  const second = routes.allocateMsiGsi();
  routes.setMsiRoute(first, 0xfee0_0000, 0, 0x4031);
  routes.setMsiRoute(second, 0xfee0_1000, 1, 0x4032);
  routes.commit();
  t.equal(tables.length, 1);
  const msi = tables[0]?.filter(({ type }) => type === KVM_IRQ_ROUTING_MSI);
  t.match(msi, [
    { gsi: 24, 'u.msi.address_lo': 0xfee0_0000, 'u.msi.address_hi': 0, 'u.msi.data': 0x4031 },
    { gsi: 25, 'u.msi.address_lo': 0xfee0_1000, 'u.msi.address_hi': 1, 'u.msi.data': 0x4032 },
  ]);
  t.equal(tables[0]?.length, irqchipRoutes().length + 2);
});

t.test('GsiRoutes.commit does nothing while nothing has changed', async (t) => {
  const { routes, tables } = recordedRoutes();
  const vector = routes.allocateMsiGsi();
  routes.setMsiRoute(vector, 0xfee0_0000, 0, 1);
  routes.commit();
  routes.setMsiRoute(vector, 0xfee0_0000, 0, 1);
  routes.commit();
  t.equal(tables.length, 1);
});

t.test('GsiRoutes.commit tries again after KVM has refused', async (t) => {
  let refusals = 1;
  let accepted = 0;
  const routes = new GsiRoutes(() => {
    if (refusals-- > 0) {
      throw new Error('refused');
    }
    accepted++;
  });
  t.throws(() => {
    routes.commit();
  }, /refused/);
  routes.commit();
  t.equal(accepted, 1);
});

t.test('GsiRoutes.releaseMsiGsi removes the route and lets the GSI be taken again', async (t) => {
  const { routes, tables } = recordedRoutes();
  const vector = routes.allocateMsiGsi();
  routes.setMsiRoute(vector, 0xfee0_0000, 0, 1);
  routes.commit();
  routes.releaseMsiGsi(vector);
  routes.commit();
  t.equal(tables[1]?.length, irqchipRoutes().length);
  t.equal(routes.allocateMsiGsi(), vector);
});

t.test('GsiRoutes.releaseMsiGsi refuses a GSI that is free', async (t) => {
  const { routes } = recordedRoutes();
  const vector = routes.allocateMsiGsi();
  routes.releaseMsiGsi(vector);
  t.throws(
    () => {
      routes.releaseMsiGsi(vector);
    },
    { code: 'ERR_ASSERT', message: /released twice/ },
  );
});

t.test('GsiRoutes.setMsiRoute refuses a GSI of the I/O APIC', async (t) => {
  const { routes } = recordedRoutes();
  t.throws(
    () => {
      routes.setMsiRoute(gsi(5), 0xfee0_0000, 0, 1);
    },
    { code: 'ERR_ASSERT', message: /GSI 5 is not an allocated MSI/ },
  );
});

t.test(
  'GsiRoutes.allocateMsiGsi says so when every route is taken, and stays below KVM’s limit',
  async (t) => {
    const { routes, tables } = recordedRoutes();
    const fillAll = () => {
      for (let count = 0; count < GSI_COUNT_MAX; count++) {
        routes.setMsiRoute(routes.allocateMsiGsi(), 0xfee0_0000, 0, count);
      }
    };
    t.throws(fillAll, { code: 'ERR_GSI_EXHAUSTED', message: /use fewer devices/ });
    routes.commit();
    const table = tables[0] ?? [];
    t.ok(table.length <= GSI_COUNT_MAX, 'no more routes than KVM takes');
    t.ok(
      table.every((entry) => entry.gsi < GSI_COUNT_MAX),
      'no GSI that KVM refuses',
    );
  },
);
