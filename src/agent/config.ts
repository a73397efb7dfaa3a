/** The agent's configuration. */
import type { ConfigOf } from '../process/config.ts';
import type { AGENT_OPTIONS } from './options.ts';

/** The agent's configuration, read and checked. */
export type AgentConfig = ConfigOf<typeof AGENT_OPTIONS>;
