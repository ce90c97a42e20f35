/** Entry of the program on the nested host, where everything is built already. */
import { start } from './start.ts';

process.exitCode = await start();
