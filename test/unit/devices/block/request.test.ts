import t from 'tap';
import { BlockRequest } from '../../../../src/devices/block/request.ts';
import { BUFFERS, createQueueFixture } from '../../../support/queue-fixture.ts';

const SECTORS = 100;
const T_IN = 0;
const T_OUT = 1;
const T_FLUSH = 4;
const T_GET_ID = 8;
const T_DISCARD = 11;
const T_WRITE_ZEROES = 13;

interface RequestShape {
  readonly type: number;
  readonly sector?: bigint;
  /** Bytes of the header that are there. */
  readonly headerBytes?: number;
  /** Readable bytes after the header. */
  readonly data?: Uint8Array;
  /** Writable bytes, the status included. */
  readonly writableBytes?: number;
  readonly readOnly?: boolean;
  readonly discard?: boolean;
}

/** Parses one request that lies in guest memory. */
function parse(shape: RequestShape) {
  const { driver, queue, ram } = createQueueFixture();
  const header = new Uint8Array(16);
  const view = new DataView(header.buffer);
  view.setUint32(0, shape.type, true);
  view.setBigUint64(8, shape.sector ?? 0n, true);
  const headerBytes = shape.headerBytes ?? 16;
  ram.memory.write(BUFFERS, header.subarray(0, headerBytes));
  const buffers = [{ gpa: BUFFERS, length: headerBytes, writable: false }];
  if (shape.data !== undefined) {
    ram.memory.write(BUFFERS + 0x1000, shape.data);
    buffers.push({ gpa: BUFFERS + 0x1000, length: shape.data.length, writable: false });
  }
  const writableBytes = shape.writableBytes ?? 1;
  if (writableBytes > 0) {
    buffers.push({ gpa: BUFFERS + 0x8000, length: writableBytes, writable: true });
  }
  driver.offer(buffers);
  const chain = queue.pop();
  if (chain === undefined) {
    throw new Error('the chain is malformed');
  }
  const { readOnly = false, discard = true } = shape;
  const request = new BlockRequest({ sectors: SECTORS, readOnly, discard });
  return { fault: request.parse(chain), request };
}

/** Segments of a discard or write-zeroes request. */
function segments(...list: readonly { sector: bigint; count: number; flags?: number }[]) {
  const bytes = new Uint8Array(16 * list.length);
  const view = new DataView(bytes.buffer);
  list.forEach(({ sector, count, flags = 0 }, index) => {
    view.setBigUint64(16 * index, sector, true);
    view.setUint32(16 * index + 8, count, true);
    view.setUint32(16 * index + 12, flags, true);
  });
  return bytes;
}

t.test('BlockRequest.parse reads a read of the last sectors', (t) => {
  const { fault, request } = parse({ type: T_IN, sector: 92n, writableBytes: 8 * 512 + 1 });
  t.equal(fault, undefined);
  t.match(request, { type: T_IN, offset: 92 * 512, dataBytes: 4096 });
  t.end();
});

t.test('BlockRequest.parse reads a write', (t) => {
  const { fault, request } = parse({ type: T_OUT, sector: 3n, data: new Uint8Array(1024) });
  t.equal(fault, undefined);
  t.match(request, { type: T_OUT, offset: 1536, dataBytes: 1024 });
  t.end();
});

t.test('BlockRequest.parse takes a flush and a request for the id', (t) => {
  t.equal(parse({ type: T_FLUSH }).fault, undefined);
  const { fault, request } = parse({ type: T_GET_ID, writableBytes: 21 });
  t.equal(fault, undefined);
  t.equal(request.dataBytes, 20);
  t.end();
});

t.test('BlockRequest.parse reads the segments of a discard', (t) => {
  const data = segments({ sector: 0n, count: 8 }, { sector: 92n, count: 8 });
  const { fault, request } = parse({ type: T_DISCARD, data });
  t.equal(fault, undefined);
  t.equal(request.segmentCount, 2);
  t.same([...request.segmentOffsets.slice(0, 2)], [0, 92 * 512]);
  t.same([...request.segmentBytes.slice(0, 2)], [4096, 4096]);
  t.end();
});

t.test('BlockRequest.parse reads the unmap flag of write zeroes', (t) => {
  const data = segments({ sector: 0n, count: 1, flags: 1 }, { sector: 1n, count: 1 });
  const { fault, request } = parse({ type: T_WRITE_ZEROES, data });
  t.equal(fault, undefined);
  t.same([...request.segmentUnmaps.slice(0, 2)], [1, 0]);
  t.end();
});

const OUTSIDE = 'range is outside of the disk';
const SECTOR_LENGTH = 'length is not a multiple of the sector size';
const FLAGS = 'segment has flags that are unknown or not allowed';
const CUT = 'segments are cut short or too many';

const refused: readonly (RequestShape & { readonly name: string; readonly fault: string })[] = [
  {
    name: 'a chain without a writable byte',
    type: T_FLUSH,
    writableBytes: 0,
    fault: 'no room for the status byte',
  },
  { name: 'a short header', type: T_IN, headerBytes: 15, fault: 'header is too short' },
  { name: 'a type that does not exist', type: 99, fault: 'request type is unknown' },
  { name: 'a read of nothing', type: T_IN, writableBytes: 1, fault: 'request has no data' },
  { name: 'a write of nothing', type: T_OUT, fault: 'request has no data' },
  { name: 'a read of half a sector', type: T_IN, writableBytes: 257, fault: SECTOR_LENGTH },
  {
    name: 'a write of a sector and a byte',
    type: T_OUT,
    data: new Uint8Array(513),
    fault: SECTOR_LENGTH,
  },
  { name: 'a read past the end', type: T_IN, sector: 100n, writableBytes: 513, fault: OUTSIDE },
  {
    name: 'a read that ends past the end',
    type: T_IN,
    sector: 99n,
    writableBytes: 1025,
    fault: OUTSIDE,
  },
  {
    name: 'a sector whose byte offset would wrap to 0',
    type: T_IN,
    sector: 2n ** 55n,
    writableBytes: 513,
    fault: OUTSIDE,
  },
  {
    name: 'the largest sector',
    type: T_OUT,
    sector: 2n ** 64n - 1n,
    data: new Uint8Array(512),
    fault: OUTSIDE,
  },
  {
    name: 'a write to a read-only disk',
    type: T_OUT,
    data: new Uint8Array(512),
    readOnly: true,
    fault: 'disk is read-only',
  },
  {
    name: 'a discard on a read-only disk',
    type: T_DISCARD,
    data: segments({ sector: 0n, count: 1 }),
    readOnly: true,
    fault: 'disk is read-only',
  },
  {
    name: 'a discard that was not offered',
    type: T_DISCARD,
    data: segments({ sector: 0n, count: 1 }),
    discard: false,
    fault: 'request type is unknown',
  },
  { name: 'a discard without segments', type: T_DISCARD, fault: CUT },
  { name: 'half a segment', type: T_DISCARD, data: new Uint8Array(24), fault: CUT },
  { name: 'too many segments', type: T_DISCARD, data: new Uint8Array(16 * 33), fault: CUT },
  {
    name: 'a segment past the end',
    type: T_DISCARD,
    data: segments({ sector: 99n, count: 2 }),
    fault: OUTSIDE,
  },
  {
    name: 'a second segment past the end',
    type: T_WRITE_ZEROES,
    data: segments({ sector: 0n, count: 1 }, { sector: 2n ** 63n, count: 1 }),
    fault: OUTSIDE,
  },
  {
    name: 'a segment longer than the device allows',
    type: T_WRITE_ZEROES,
    data: segments({ sector: 0n, count: 0x2_0001 }),
    fault: 'segment is too long',
  },
  {
    name: 'the unmap flag in a discard',
    type: T_DISCARD,
    data: segments({ sector: 0n, count: 1, flags: 1 }),
    fault: FLAGS,
  },
  {
    name: 'an unknown segment flag',
    type: T_WRITE_ZEROES,
    data: segments({ sector: 0n, count: 1, flags: 2 }),
    fault: FLAGS,
  },
];

for (const { name, fault, ...shape } of refused) {
  t.test(`BlockRequest.parse refuses ${name}`, (t) => {
    t.equal(parse(shape).fault, fault);
    t.end();
  });
}
