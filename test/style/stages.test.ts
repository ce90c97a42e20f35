/** docs/testing.md explains every stage of the tests, in their order, and no other. */
import t from 'tap';
import { STAGES } from '../support/runner/stages.ts';
import { readProjectFile } from '../support/style/project-files.ts';

t.test('the stages of docs/testing.md are those that the runner has', (t) => {
  const section = /^## Stages$(.*?)^## /ms.exec(readProjectFile('docs/testing.md'))?.[1] ?? '';
  const explained = [...section.matchAll(/^\| `([\w-]+)` \|.*\| \S.* \|$/gm)];
  t.same(
    explained.map((row) => row[1]),
    STAGES.map(({ name }) => name),
  );
  t.end();
});

t.test('.ci/run runs every stage', (t) => {
  const lines = readProjectFile('.ci/run').matchAll(/^tests \S+ \d+ (.*)$/gm);
  const words = new Set([...lines].flatMap((line) => (line[1] ?? '').split(' ')));
  t.same(
    STAGES.filter(({ name }) => !words.has(name)).map(({ name }) => name),
    [],
  );
  t.end();
});
