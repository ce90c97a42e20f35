/**
 * MessagePack for messages between processes. What comes out is `unknown`: every receiver checks it against its
 * schema before use.
 */
import { Packr, Unpackr } from 'msgpackr';
import { ProtocolError } from '../base/errors.ts';

// Records and shared structures keep state between messages, which a hostile peer could poison; both stay off.
const encoder = new Packr({ useRecords: false, int64AsType: 'bigint' });
const decoder = new Unpackr({ useRecords: false, int64AsType: 'bigint' });

/** Encodes a message. */
export function encodeMessage(message: unknown): Uint8Array {
  return encoder.pack(message);
}

/**
 * Decodes one message.
 *
 * @throws ERR_IPC_MALFORMED for anything but exactly one MessagePack value.
 */
export function decodeMessage(bytes: Uint8Array): unknown {
  try {
    return decoder.unpack(bytes);
  } catch (error) {
    throw new ProtocolError(
      'ERR_IPC_MALFORMED',
      `not a MessagePack message of ${bytes.length} bytes`,
      {
        cause: error,
      },
    );
  }
}
