import { testHostileDriver } from '../support/hostile-run.ts';

testHostileDriver({ target: 'rng', attacksMin: 104 });
