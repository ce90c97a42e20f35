import { join } from 'node:path';
import t from 'tap';
import { STAGES, stageFiles, strayTestFiles } from '../../../support/runner/stages.ts';

const TESTS = {
  unit: { deep: { 'a.test.js': '', 'a.test.js.map': '', 'support.js': '' }, 'b.test.js': '' },
  fuzz: { 'c.fuzz.js': '', 'd.test.js': '' },
  forgotten: { 'e.test.js': '' },
};

t.test('stageFiles finds the test files of a stage at any depth', async (t) => {
  const directory = t.testdir(TESTS);
  const unit = STAGES.filter(({ name }) => name === 'unit').flatMap((s) =>
    stageFiles(directory, s),
  );
  t.same(unit, [join(directory, 'unit/b.test.js'), join(directory, 'unit/deep/a.test.js')]);
});

t.test('stageFiles finds nothing for a stage without a folder', async (t) => {
  const directory = t.testdir({});
  t.same(
    STAGES.flatMap((stage) => stageFiles(directory, stage)),
    [],
  );
});

t.test('strayTestFiles finds a test file in a folder that is no stage', async (t) => {
  const directory = t.testdir(TESTS);
  t.same(strayTestFiles(directory), [join(directory, 'forgotten/e.test.js')]);
});
