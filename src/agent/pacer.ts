export { Pacer } from '../process/pacer.ts';
