import { testHostileDriver } from '../support/hostile-run.ts';

testHostileDriver({ target: 'blk', attacksMin: 126 });
