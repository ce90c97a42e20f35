import t from 'tap';
import { CAP_SETUID, hasCapability, parseCapabilities } from '../../../src/jail/capabilities.ts';

const STATUS = `Name:\tnode
CapInh:\t0000000000000001
CapPrm:\t000001ffffffffff
CapEff:\t0000000000000080
CapBnd:\t000001fffeffffff
CapAmb:\t0000000000000000
NoNewPrivs:\t0
`;

t.test('parseCapabilities reads the five sets', async (t) => {
  t.strictSame(parseCapabilities(STATUS), {
    inheritable: 0x1n,
    permitted: 0x1ff_ffff_ffffn,
    effective: 0x80n,
    bounding: 0x1ff_feff_ffffn,
    ambient: 0n,
  });
});

t.test('parseCapabilities takes a set that the kernel does not have as empty', async (t) => {
  t.equal(parseCapabilities(STATUS.replace(/^CapAmb.*\n/m, '')).ambient, 0n);
});

t.test('hasCapability looks at one bit', async (t) => {
  t.ok(hasCapability(0x80n, CAP_SETUID));
  t.notOk(hasCapability(0x7fn, CAP_SETUID));
  t.ok(hasCapability(1n << 40n, 40));
});
