export { LeaseLoop } from '../process/lease-loop.ts';
