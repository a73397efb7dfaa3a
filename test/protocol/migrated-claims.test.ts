import { expect, it } from 'vitest';
import { ModelStage } from '../scenarios/model-stage.ts';
import { parse } from '../scenarios/scenario.ts';
import { play } from '../scenarios/steps.ts';

async function played(lines: string): Promise<ModelStage> {
  const { nodes, steps } = parse(`# As far as it matters here\n${lines}`, 'here');
  const stage = new ModelStage(nodes);
  for (const step of steps) await play(stage, step);
  return stage;
}

const BEGINNING = `
claim db on node-a: 2 vCPUs, 4Gi, 20Gi                   | 2 4Gi 20Gi  6 12Gi 80Gi  | 0 0 0  8 16Gi 100Gi
boot db on node-a
`;

it('an instance whose resize waits for its decision is Resized, and counted so; then it is what the hypervisor says', async () => {
  const stage = await played(`${BEGINNING}
migrate db to node-a as grow: Resize, 3 vCPUs, 4Gi, 20Gi | 5 8Gi 40Gi  3 8Gi 60Gi   |
boot db on node-a: 3 vCPUs, 4Gi
grow is Finished
`);
  const counted = () => stage.cluster.api.computeNodes.get('node-a')?.status?.stats?.byVMState;
  expect((await stage.claim('db'))?.status?.vmState).toBe('Resized');
  expect(counted()).toEqual({ Resized: 1 });
  await stage.decide('grow', 'Confirm');
  await stage.settle();
  expect((await stage.claim('db'))?.status?.vmState).toBe('Active');
  expect(counted()).toEqual({ Active: 1 });
});

it('an instance that was migrated alive is never Resized', async () => {
  const stage = await played(`${BEGINNING}
migrate db to node-b as move: LiveMigration              |                          | 2 4Gi 20Gi  6 12Gi 80Gi
gone db from node-a
boot db on node-b                                        | 0 0 0  8 16Gi 100Gi      |
move is Confirmed
`);
  const states = stage.cluster.api.claims.log.map(({ after }) => after?.status?.vmState);
  expect(states).toContain('Active');
  expect(states).not.toContain('Resized');
});

it('a claim that has moved says where it is, and that it came', async () => {
  const stage = await played(`${BEGINNING}
migrate db to node-b as move: LiveMigration              |                          | 2 4Gi 20Gi  6 12Gi 80Gi
gone db from node-a
boot db on node-b                                        | 0 0 0  8 16Gi 100Gi      |
move is Confirmed
`);
  const told = (await stage.claim('db'))?.status?.conditions?.find(({ type }) => type === 'Claimed');
  expect(told?.message).toBe('claimed on node node-b');
  const notices = stage.cluster.processes.flatMap(({ tenures }) => tenures.flatMap(({ notices: all }) => all));
  expect(notices).toContainEqual(
    expect.objectContaining({
      reason: 'InstanceMoved',
      message: 'the claim has moved from node node-a to node node-b',
    }),
  );
});
