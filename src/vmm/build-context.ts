/** What every step of building a machine is given. */
import type { Scope } from '../base/scope.ts';
import type { AsyncEpoll } from '../sys/async-epoll.ts';
import type { VmConfig } from './config.ts';
import type { EndSignal } from './end-signal.ts';

export interface BuildContext {
  readonly config: VmConfig;
  /** Takes what undoes each step. */
  readonly scope: Scope;
  /** Told what ends the machine, from the first step on. */
  readonly end: EndSignal;
  /** Watches descriptors in the main thread. */
  readonly epoll: AsyncEpoll;
}
