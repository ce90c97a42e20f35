/** The program that tests run as `crosvm`: the one that was compiled with them, wherever that was. */
import { main } from '../../src/cli/main.ts';

await main(process.argv.slice(2));
