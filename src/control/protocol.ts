/**
 * The requests that a running machine takes on its control socket, and its answers: one MessagePack message each way
 * over SOCK_SEQPACKET (`docs/control-protocol.md`).
 */
import { type Check, type Checked, integer, literal, record, text, union } from '../ipc/schema.ts';

/** Sent with every request; a machine refuses a version that it does not know. */
export const CONTROL_VERSION = 1;

const version = integer(0, 0xffff);

const request = union({
  stop: record({ type: literal('stop'), version }),
  ping: record({ type: literal('ping'), version }),
});
export type ControlRequest = Checked<typeof request>;
export const checkControlRequest: Check<ControlRequest> = request;

const response = union({
  ok: record({ type: literal('ok') }),
  error: record({ type: literal('error'), code: text(64), message: text(1024) }),
  pong: record({ type: literal('pong'), pid: integer(1, 2 ** 31) }),
});
export type ControlResponse = Checked<typeof response>;
export const checkControlResponse: Check<ControlResponse> = response;
