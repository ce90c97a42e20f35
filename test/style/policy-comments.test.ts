/** Every rule of a seccomp policy has a comment that says what the device needs it for. */
import t from 'tap';
import { listProjectFiles, readProjectFile } from '../support/style/project-files.ts';

/** Letters that a comment needs to count as one. */
const COMMENT_LETTERS_MIN = 10;

/**
 * Rules without a comment. A comment above a rule stands for it and for those right below; an empty line or a
 * directive ends that.
 */
function uncommentedRules(text: string): string[] {
  const found: string[] = [];
  let letters = 0;
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('@')) {
      letters = 0;
    } else if (line.startsWith('#')) {
      letters += line.replaceAll(/[^A-Za-z]/g, '').length;
    } else if (letters < COMMENT_LETTERS_MIN) {
      found.push(line);
    }
  }
  return found;
}

const policies = listProjectFiles().filter((path) => /^seccomp\/.*\.policy$/.test(path));

t.test('every rule of a policy has a comment', (t) => {
  t.ok(policies.length >= 3, `${policies.length} policies were read`);
  for (const path of policies) {
    t.same(uncommentedRules(readProjectFile(path)), [], path);
  }
  t.end();
});

t.test(
  'every jail profile names a policy that is there, and every device policy has a profile',
  (t) => {
    const profiles = listProjectFiles().filter((path) =>
      /^policy\/(?!.*schema|audit-baseline).*\.json$/.test(path),
    );
    const named = profiles.map(
      (path) => /"seccompPolicy": "([^"]+)"/.exec(readProjectFile(path))?.[1],
    );
    const devices = policies
      .map((path) => path.replace(/^.*\//, ''))
      .filter((name) => name !== 'common_device.policy');
    t.same(new Set(named), new Set(devices));
    t.end();
  },
);

t.test('uncommentedRules finds a rule without a comment', (t) => {
  const text = '# What it is for.\nread: allow\nwrite: allow\n\nclose: allow\n# x\nopen: allow\n';
  t.same(uncommentedRules(text), ['close: allow', 'open: allow']);
  t.same(uncommentedRules('# For all of it.\n@include ./a.policy\nread: allow\n'), ['read: allow']);
  t.end();
});
