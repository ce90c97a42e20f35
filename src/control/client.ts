/** The other end of the control socket: one request, one answer. */
import { HostError, ProtocolError } from '../base/errors.ts';
import { Channel } from '../ipc/channel.ts';
import { errnoName } from '../sys/errno.ts';
import { connectSeqpacket } from '../sys/unix-socket.ts';
import { type ControlRequest, type ControlResponse, checkControlResponse } from './protocol.ts';

/**
 * Sends a request to a machine and waits for the answer.
 *
 * @param path the machine's control socket.
 * @throws ERR_CONTROL_CONNECT when no machine listens there, ProtocolError for an answer that is none.
 */
export function requestMachine(path: string, request: ControlRequest): ControlResponse {
  const connected = connectSeqpacket(path);
  if (typeof connected === 'number') {
    throw new HostError(
      'ERR_CONTROL_CONNECT',
      `failed to connect to socket at '${path}': ${errnoName(connected)}; is a machine running there?`,
      { syscall: 'connect', errno: connected },
    );
  }
  using channel = new Channel<ControlResponse, ControlRequest>(connected, checkControlResponse, {
    blocking: true,
  });
  channel.send(request);
  const received = channel.receive();
  if (!received) {
    throw new ProtocolError('ERR_CONTROL_CLOSED', `the machine at '${path}' closed the connection`);
  }
  for (const fd of received.fds) {
    fd.close();
  }
  return received.message;
}
