import t from 'tap';
import { gsi, rawFd } from '../../../src/base/brands.ts';
import { IntxPin } from '../../../src/pci/intx-pin.ts';
import { FakeEventfds, FakeIrqs } from './fake-irqs.ts';

t.test('IntxPin binds all eventfds with the resample eventfd, and unbinds them', async (t) => {
  const eventfds = new FakeEventfds();
  eventfds.signalled.add(rawFd(10));
  const irqs = new FakeIrqs(eventfds);
  const sources = [rawFd(10), rawFd(11)];
  const pin = new IntxPin({ binder: irqs, eventfds, sources, resampleFd: rawFd(12) });
  pin.bind(gsi(9));
  pin.bind(gsi(9));
  t.equal(pin.isBound, true);
  t.strictSame([...irqs.bindings.keys()], sources);
  t.strictSame(irqs.bindings.get(rawFd(11)), { gsi: gsi(9), resampleFd: rawFd(12) });
  t.strictSame(irqs.delivered, [9], 'what was signalled before');
  t.equal(eventfds.isSignalled(rawFd(10)), false);
  pin.unbind();
  pin.unbind();
  t.equal(irqs.bindings.size, 0);
  t.strictSame(irqs.violations, []);
});
