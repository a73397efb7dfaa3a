/** Plots that several kinds of safeguards have in common. */
import type { InstanceClaimStatus } from '../../../src/api/generated/v1alpha1.ts';
import type { ModelProcess } from '../world/model-process.ts';
import { BIG, type Plot } from './safeguard.ts';
import type { Stage } from './stage.ts';

/** An agent grants x, up to this step: that its grant lands, if none is given. An older claim is there that is not bound yet, and does not fit beside it. */
export function grantsBesideOlder(stage: Stage, until = /land write claim default\/x/): ModelProcess {
  stage.createUnbound({ name: 'older', ...BIG });
  const agent = stage.agent();
  stage.settle();
  stage.create({ name: 'x', ...BIG });
  stage.settle(until);
  return agent;
}

/** An agent has granted x, which fills the node. */
export function grantedBig(stage: Stage): void {
  stage.agent();
  stage.settle();
  stage.create({ name: 'x', ...BIG });
  stage.settle();
}

/** Of a former owner that still lives. */
export const LATE_WRITE: Plot = {
  what: 'A grant is sent, another agent takes over and grants an older claim, and then the first grant lands.',
  play: (stage) => {
    grantsBesideOlder(stage);
    stage.bind('older');
    stage.agent();
    stage.settle(/^a1: |^a2: turn/);
    stage.settle(/^a1: |^a2: land write claim default\/x/);
    stage.settle(/^a1: .*watch|^a1: begins|^a2: /);
  },
};

/** As the agent of the target writes it, of a claim that is locked and has no devices. */
export function movedTo(nodeName: string, { migration, ...status }: InstanceClaimStatus = {}): InstanceClaimStatus {
  return { ...status, nodeName, ...(migration !== undefined && { migration: { ...migration, arrived: true } }) };
}
