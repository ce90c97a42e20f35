import t from 'tap';
import {
  explainSpawnFailure,
  type NamespaceSettings,
  namespaceObstacle,
} from '../../../src/jail/userns.ts';
import { EACCES, EINVAL, ENOENT, ENOSPC, EPERM } from '../../../src/sys/errno.ts';
import { NativeError } from '../../../src/sys/native.ts';

const FREE: NamespaceSettings = {
  unprivilegedUsernsClone: undefined,
  apparmorRestrict: undefined,
  limits: { user: 1000, net: 1000 },
  isRoot: false,
};

function failure(step: string, errno: number): NativeError {
  return new NativeError('ERR_JAIL_SPAWN', `step ${step}`, { syscall: 'x', errno }, step);
}

t.test('namespaceObstacle finds none on a free host', async (t) => {
  t.equal(namespaceObstacle(FREE), undefined);
  t.equal(
    namespaceObstacle({ ...FREE, unprivilegedUsernsClone: 1, apparmorRestrict: 0 }),
    undefined,
  );
});

t.test('namespaceObstacle does not hold restrictions of ordinary users against root', async (t) => {
  const settings = { ...FREE, unprivilegedUsernsClone: 0, apparmorRestrict: 1, isRoot: true };
  t.equal(namespaceObstacle(settings), undefined);
});

const explained: readonly {
  readonly what: string;
  readonly error: NativeError;
  readonly settings: Partial<NamespaceSettings>;
  readonly message: RegExp;
}[] = [
  {
    what: 'Debian’s switch',
    error: failure('clone3', EPERM),
    settings: { unprivilegedUsernsClone: 0 },
    message: /sysctl kernel\.unprivileged_userns_clone is 0, set it to 1/,
  },
  {
    what: 'a limit of no user namespaces',
    error: failure('clone3', ENOSPC),
    settings: { limits: { user: 0 } },
    message: /sysctl user\.max_user_namespaces is 0, raise it/,
  },
  {
    what: 'a limit of another kind',
    error: failure('clone3', ENOSPC),
    settings: { limits: { user: 10, net: 0 } },
    message: /sysctl user\.max_net_namespaces is 0/,
  },
  {
    what: 'a limit that is used up',
    error: failure('clone3', ENOSPC),
    settings: {},
    message: /too many namespaces exist/,
  },
  {
    what: 'AppArmor, which lets the namespace be made and forbids its use',
    error: failure('private mounts', EACCES),
    settings: { apparmorRestrict: 1 },
    message: /kernel\.apparmor_restrict_unprivileged_userns is 1/,
  },
  {
    what: 'a kernel without user namespaces',
    error: failure('clone3', EINVAL),
    settings: {},
    message: /CONFIG_USER_NS/,
  },
  {
    what: 'a container',
    error: failure('clone3', EPERM),
    settings: {},
    message: /chroot or the seccomp filter of a container/,
  },
];
for (const { what, error, settings, message } of explained) {
  t.test(`explainSpawnFailure recognises ${what}`, async (t) => {
    const result = explainSpawnFailure(error, { ...FREE, ...settings });
    t.match(result, { code: 'ERR_JAIL_USERNS', errno: error.errno, cause: error });
    t.match(result.message, message);
  });
}

t.test('explainSpawnFailure leaves a failure that no setting explains as it is', async (t) => {
  const missing = failure('bind', ENOENT);
  t.equal(explainSpawnFailure(missing, FREE), missing);
  const denied = failure('bind', EPERM);
  t.equal(explainSpawnFailure(denied, FREE), denied);
});
