import { gzipSync } from 'node:zlib';
import t from 'tap';
import { extractVmlinux } from '../../../src/guest-images/kernel-image.ts';

const SETUP_SECTS = 2;
const PAYLOAD_OFFSET = 16;

/** A bzImage as far as its setup header and its payload go. */
function bzImage(payload: Buffer, change: (image: Buffer) => void = () => undefined): Buffer {
  const start = (SETUP_SECTS + 1) * 512 + PAYLOAD_OFFSET;
  // Four bytes of uncompressed size follow the payload.
  const image = Buffer.alloc(start + payload.length + 4);
  image.writeUInt8(SETUP_SECTS, 0x1f1);
  image.write('HdrS', 0x202);
  image.writeUInt16LE(0x020f, 0x206);
  image.writeUInt32LE(PAYLOAD_OFFSET, 0x248);
  image.writeUInt32LE(payload.length + 4, 0x24c);
  payload.copy(image, start);
  change(image);
  return image;
}

const ELF = Buffer.from('\x7fELF and so on', 'latin1');

t.test('extractVmlinux unpacks the payload that the setup header points at', async (t) => {
  t.ok((await extractVmlinux(bzImage(gzipSync(ELF)))).equals(ELF));
});

t.test('extractVmlinux refuses a file without the setup header', async (t) => {
  await t.rejects(extractVmlinux(ELF), { code: 'ERR_KERNEL_IMAGE', message: /not a bzImage/ });
});

t.test('extractVmlinux refuses a boot protocol that tells no payload', async (t) => {
  const image = bzImage(gzipSync(ELF), (bytes) => bytes.writeUInt16LE(0x0207, 0x206));
  await t.rejects(extractVmlinux(image), { message: /boot protocol 2.08/ });
});

t.test('extractVmlinux refuses a payload that lies outside the file', async (t) => {
  const image = bzImage(gzipSync(ELF), (bytes) => bytes.writeUInt32LE(0xffff_ffff, 0x24c));
  await t.rejects(extractVmlinux(image), { message: /lies outside the bzImage/ });
});

t.test('extractVmlinux shows the first bytes of an unknown compression', async (t) => {
  const image = bzImage(Buffer.from('0011223344556677', 'hex'));
  await t.rejects(extractVmlinux(image), { message: /it begins 0011223344556677/ });
});

t.test('extractVmlinux refuses a payload that unpacks to something else than ELF', async (t) => {
  const image = bzImage(gzipSync(Buffer.from('a script')));
  await t.rejects(extractVmlinux(image), { message: /not an ELF file/ });
});
