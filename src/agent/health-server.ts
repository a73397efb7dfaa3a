export { HealthServer } from '../process/health-server.ts';
