/**
 * C structures as tables: name, size, and offset and width of every field, little-endian.
 *
 * One table drives encoding, decoding and the comparison with the C headers (`test/native-headers/`). These codecs
 * allocate: hot paths read single fields through a `DataView` at `TABLE.fields.NAME.offset`.
 */

/** Bytes of one scalar. */
export type Width = 1 | 2 | 4 | 8;

/** One unsigned number: a `number` up to 32 bits, a `bigint` at 64. */
export interface ScalarField<W extends Width = Width> {
  readonly kind: 'scalar';
  readonly offset: number;
  readonly width: W;
}

/** Numbers of one width in a row. */
export interface ArrayField<W extends Width = Width> {
  readonly kind: 'array';
  readonly offset: number;
  readonly width: W;
  readonly count: number;
}

/** A structure inside a structure. */
export interface NestedField<S extends AnyStruct = AnyStruct> {
  readonly kind: 'struct';
  readonly offset: number;
  readonly struct: S;
}

/** Every structure, whatever its fields. */
export interface AnyStruct {
  readonly name: string;
  readonly sizeBytes: number;
  readonly fields: Readonly<Record<string, AnyField>>;
}
export type AnyField =
  | ScalarField
  | ArrayField
  | { readonly kind: 'struct'; readonly offset: number; readonly struct: AnyStruct };

/** A structure with the fields `F`; the keys are C member designators, `exception.nr` for example. */
export interface StructTable<F extends Readonly<Record<string, AnyField>>> extends AnyStruct {
  readonly fields: F;
}

type NumberOf<W extends Width> = W extends 8 ? bigint : number;
type FieldValue<F> =
  F extends ScalarField<infer W>
    ? NumberOf<W>
    : F extends ArrayField<infer W>
      ? readonly NumberOf<W>[]
      : F extends NestedField<infer S>
        ? StructValue<S>
        : never;

/** A decoded structure. */
export type StructValue<S extends AnyStruct> = {
  readonly [K in keyof S['fields']]: FieldValue<S['fields'][K]>;
};

/** What a structure may be encoded from: missing fields become zero, 64-bit ones also take safe integers. */
export type StructInit<S extends AnyStruct> = {
  readonly [K in keyof S['fields']]?: FieldInit<S['fields'][K]>;
};
type FieldInit<F> =
  F extends ScalarField<infer W>
    ? NumberOf<W> | number
    : F extends ArrayField<infer W>
      ? readonly (NumberOf<W> | number)[]
      : F extends NestedField<infer S>
        ? StructInit<S>
        : never;

/** Describes a structure. `name` is the C type, `struct kvm_regs` for example. */
export function struct<const F extends Readonly<Record<string, AnyField>>>(
  name: string,
  sizeBytes: number,
  fields: F,
): StructTable<F> {
  return { name, sizeBytes, fields };
}

function scalar<W extends Width>(width: W): (offset: number) => ScalarField<W> {
  return (offset) => ({ kind: 'scalar', offset, width });
}
export const u8 = scalar(1);
export const u16 = scalar(2);
export const u32 = scalar(4);
export const u64 = scalar(8);

/** `count` numbers of `width` bytes from `offset` on. */
export function array<W extends Width>(offset: number, width: W, count: number): ArrayField<W> {
  return { kind: 'array', offset, width, count };
}

/** A structure at `offset`. */
export function nested<S extends AnyStruct>(offset: number, table: S): NestedField<S> {
  return { kind: 'struct', offset, struct: table };
}

/** Bytes that a field takes. */
export function fieldSizeBytes(field: AnyField): number {
  switch (field.kind) {
    case 'scalar':
      return field.width;
    case 'array':
      return field.width * field.count;
    case 'struct':
      return field.struct.sizeBytes;
  }
}

/**
 * Reads a structure.
 *
 * @param at offset in the view; the whole structure must lie inside it.
 */
export function decodeStruct<S extends AnyStruct>(
  table: S,
  view: DataView,
  at = 0,
): StructValue<S> {
  const value: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(table.fields)) {
    value[name] = decodeField(field, view, at + field.offset);
  }
  // CAST: built field by field from the table that the type is derived from.
  return value as StructValue<S>;
}

/** Writes a structure; whatever `init` does not name becomes zero, padding included. */
export function encodeStruct<S extends AnyStruct>(
  table: S,
  view: DataView,
  at: number,
  init: StructInit<S>,
): void {
  new Uint8Array(view.buffer, view.byteOffset + at, table.sizeBytes).fill(0);
  for (const [name, value] of Object.entries(init)) {
    const field = table.fields[name];
    if (field !== undefined && value !== undefined) {
      encodeField(field, view, at + field.offset, value);
    }
  }
}

function decodeField(field: AnyField, view: DataView, at: number): unknown {
  switch (field.kind) {
    case 'scalar':
      return decodeScalar(field.width, view, at);
    case 'array':
      return Array.from({ length: field.count }, (_, index) =>
        decodeScalar(field.width, view, at + index * field.width),
      );
    case 'struct':
      return decodeStruct(field.struct, view, at);
  }
}

function encodeField(field: AnyField, view: DataView, at: number, value: unknown): void {
  switch (field.kind) {
    case 'scalar':
      // CAST: StructInit gives scalars these types.
      encodeScalar(field.width, view, at, value as number | bigint);
      return;
    case 'array':
      // CAST: as above; a longer list than the field is cut.
      (value as readonly (number | bigint)[]).slice(0, field.count).forEach((item, index) => {
        encodeScalar(field.width, view, at + index * field.width, item);
      });
      return;
    case 'struct':
      // CAST: as above.
      encodeStruct(field.struct, view, at, value as StructInit<AnyStruct>);
  }
}

function decodeScalar(width: Width, view: DataView, at: number): number | bigint {
  switch (width) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true);
    case 4:
      return view.getUint32(at, true);
    case 8:
      return view.getBigUint64(at, true);
  }
}

function encodeScalar(width: Width, view: DataView, at: number, value: number | bigint): void {
  switch (width) {
    case 1:
      view.setUint8(at, Number(value));
      return;
    case 2:
      view.setUint16(at, Number(value), true);
      return;
    case 4:
      view.setUint32(at, Number(value), true);
      return;
    case 8:
      view.setBigUint64(at, BigInt(value), true);
  }
}
