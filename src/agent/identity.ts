export { isDead, newIdentity, type PodFacts } from '../process/identity.ts';
