/** Plots that several kinds of safeguards have in common. */
import type { InstanceClaimStatus } from '../../../src/api/generated/v1alpha1.ts';
import { BIG, type Plot } from './safeguard.ts';

/** Of a former owner that still lives. */
export const LATE_WRITE: Plot = {
  what: 'A grant is sent, another agent takes over and grants an older claim, and then the first grant lands.',
  play: (stage) => {
    stage.createUnbound({ name: 'older', ...BIG });
    stage.agent();
    stage.settle();
    stage.create({ name: 'x', ...BIG });
    stage.settle(/land write claim default\/x/);
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
