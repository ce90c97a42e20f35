/**
 * AML, the byte code in which the DSDT describes devices: terms as functions that return their bytes.
 *
 * Only what {@link buildDsdt} needs. Names are written as in ASL: `_SB`, `\_SB.PCI0`.
 *
 * Spec: ACPI 6.5 §20.2.
 */
import { assert } from '../../base/assert.ts';
import { ByteWriter } from '../byte-writer.ts';

/** The bytes of one term. */
export type Aml = Uint8Array;

const ZERO_OP = 0x00;
const ONE_OP = 0x01;
const NAME_OP = 0x08;
const BYTE_PREFIX = 0x0a;
const WORD_PREFIX = 0x0b;
const DWORD_PREFIX = 0x0c;
const STRING_PREFIX = 0x0d;
const QWORD_PREFIX = 0x0e;
const SCOPE_OP = 0x10;
const BUFFER_OP = 0x11;
const PACKAGE_OP = 0x12;
const DUAL_NAME_PREFIX = 0x2e;
const MULTI_NAME_PREFIX = 0x2f;
const EXT_OP_PREFIX = 0x5b;
const DEVICE_OP = 0x82;

/** `Name (path, value)` */
export function name(path: string, value: Aml): Aml {
  return concat(bytes(NAME_OP), nameString(path), value);
}

/** `Device (path) { … }` */
export function device(path: string, ...children: readonly Aml[]): Aml {
  const body = concat(nameString(path), ...children);
  return concat(bytes(EXT_OP_PREFIX, DEVICE_OP), withLength(body));
}

/** `Scope (path) { … }` */
export function scope(path: string, ...children: readonly Aml[]): Aml {
  return concat(bytes(SCOPE_OP), withLength(concat(nameString(path), ...children)));
}

/** `Package () { … }` of at most 255 elements. */
export function pkg(...elements: readonly Aml[]): Aml {
  assert(elements.length <= 255, `${elements.length} elements need a VarPackage`);
  return concat(bytes(PACKAGE_OP), withLength(concat(bytes(elements.length), ...elements)));
}

/** `Buffer () { … }` */
export function buffer(data: Uint8Array): Aml {
  return concat(bytes(BUFFER_OP), withLength(concat(integer(data.length), data)));
}

/** An integer in its shortest form. */
export function integer(value: number): Aml {
  if (value === 0 || value === 1) {
    return bytes(value === 0 ? ZERO_OP : ONE_OP);
  }
  if (value <= 0xff) {
    return new ByteWriter().u8(BYTE_PREFIX).u8(value).finish();
  }
  if (value <= 0xffff) {
    return new ByteWriter().u8(WORD_PREFIX).u16(value).finish();
  }
  if (value <= 0xffff_ffff) {
    return new ByteWriter().u8(DWORD_PREFIX).u32(value).finish();
  }
  return new ByteWriter().u8(QWORD_PREFIX).u64(value).finish();
}

/** An ASCII string. */
export function string(text: string): Aml {
  assert(/^[\x01-\x7f]*$/.test(text), `'${text}' is not ASCII`);
  return new ByteWriter().u8(STRING_PREFIX).ascii(text).u8(0).finish();
}

/** `EisaId ("PNP0A03")`: three letters of 5 bits, four hexadecimal digits, packed big-endian. */
export function eisaId(id: string): Aml {
  assert(/^[A-Z]{3}[0-9A-F]{4}$/.test(id), `'${id}' is not an EISA id`);
  const letters = Array.from(id.slice(0, 3)).reduce(
    (sum, c) => sum * 32 + c.charCodeAt(0) - 0x40,
    0,
  );
  const digits = Number.parseInt(id.slice(3), 16);
  const packed = new DataView(new ArrayBuffer(4));
  packed.setUint16(0, letters);
  packed.setUint16(2, digits);
  return integer(packed.getUint32(0, true));
}

/** A path: segments of four characters, padded with underscores. */
export function nameString(path: string): Aml {
  assert(/^\\?[A-Z_][A-Z0-9_]{0,3}(\.[A-Z_][A-Z0-9_]{0,3})*$/.test(path), `'${path}' is no name`);
  const isAbsolute = path.startsWith('\\');
  const segments = (isAbsolute ? path.slice(1) : path).split('.');
  const writer = new ByteWriter().ascii(isAbsolute ? '\\' : '');
  if (segments.length === 2) {
    writer.u8(DUAL_NAME_PREFIX);
  } else if (segments.length > 2) {
    writer.u8(MULTI_NAME_PREFIX).u8(segments.length);
  }
  for (const segment of segments) {
    writer.ascii(segment.padEnd(4, '_'));
  }
  return writer.finish();
}

/** Terms one after another. */
export function concat(...parts: readonly Aml[]): Aml {
  const writer = new ByteWriter();
  for (const part of parts) {
    writer.bytes(part);
  }
  return writer.finish();
}

/**
 * A body behind its PkgLength, which counts itself: one byte up to 63, else 4 bits in the lead byte, whose top two
 * bits number the bytes that follow with 8 bits each.
 */
export function withLength(body: Uint8Array): Aml {
  const extraBytes = [0, 1, 2, 3].find((extra) => {
    const total = body.length + 1 + extra;
    return total < (extra === 0 ? 64 : 2 ** (4 + 8 * extra));
  });
  assert(extraBytes !== undefined, `${body.length} bytes are too many for a package`);
  const total = body.length + 1 + extraBytes;
  const writer = new ByteWriter();
  if (extraBytes === 0) {
    return writer.u8(total).bytes(body).finish();
  }
  writer.u8(extraBytes * 64 + (total % 16));
  for (let shift = 0; shift < extraBytes; shift++) {
    writer.u8(Math.floor(total / 2 ** (4 + 8 * shift)) % 256);
  }
  return writer.bytes(body).finish();
}

function bytes(...values: readonly number[]): Aml {
  return Uint8Array.from(values);
}
