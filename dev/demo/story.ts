/** The demo's story. Each scene says what it shows, does what a user would type, and waits for the outcome that it promises. */
import { DemoError } from './errors.ts';
import { machines } from './nodes.ts';
import type { Outcome, Stage } from './stage.ts';

type Scene = { readonly title: string; readonly play: (stage: Stage) => Promise<void> };

const granted: Outcome = { phase: 'Claimed' };
const rejected = (...reasons: readonly string[]): Outcome => ({ phase: 'Rejected', reasons });

/** A scene that applies one file and waits for its one claim. */
function one(title: string, file: string, claim: string, outcome: Outcome): Scene {
  return {
    title,
    play: async (stage) => {
      await stage.apply(file);
      await stage.expectClaim(claim, outcome);
    },
  };
}

const scenes: readonly Scene[] = [
  {
    title: 'The agents read their hosts. Instances run there that nothing claims: orphans, counted as used',
    play: async (stage) => {
      for (const { name } of machines) await stage.expectCondition(name, 'Ready', 'True');
      for (const name of ['gpu-1', 'small-1']) await stage.expectCondition(name, 'OrphansDetected', 'True');
      await stage.kubectl.run('get', 'computenodes');
    },
  },
  {
    title: 'Claims for what runs already (adopt); their devices are the ones that the instances have',
    play: async (stage) => {
      await stage.apply('00-namespaces.yaml');
      await stage.apply('01-adopt-running-instances.yaml');
      await stage.expectClaim('team-a/training-1', { ...granted, devices: 2 });
      await stage.expectClaim('team-b/web-1', { ...granted, devices: 1 });
      for (const claim of ['team-b/build-win', 'team-a/edge-1']) await stage.expectClaim(claim, granted);
      await stage.expectCondition('small-1', 'OrphansDetected', 'False');
    },
  },
  {
    title: 'One orphan is left, which names no claim: adopted by its UUID',
    play: async (stage) => {
      await stage.apply('02-adopt-orphan.yaml');
      await stage.expectClaim('team-b/left-behind', granted);
      await stage.expectCondition('gpu-1', 'OrphansDetected', 'False');
    },
  },
  one('A claim is granted', '03-granted.yaml', 'team-a/web-2', granted),
  one(
    'A GPU on NUMA cell 1 and a network function, by their properties',
    '04-granted-pci-selectors.yaml',
    'team-a/training-2',
    {
      ...granted,
      devices: 2,
    },
  ),
  one('Two network functions, by an alias of the agent', '05-granted-pci-alias.yaml', 'team-b/router', {
    ...granted,
    devices: 2,
  }),
  one('Refused: memory', '10-refused-memory.yaml', 'team-a/too-much-memory', rejected('InsufficientMemory')),
  one('Refused: disk', '11-refused-disk.yaml', 'team-a/too-much-disk', rejected('InsufficientDisk')),
  one('Refused: vCPUs', '12-refused-vcpus.yaml', 'team-a/too-many-vcpus', rejected('InsufficientVCPUs')),
  one('Refused: PCI devices', '13-refused-pci.yaml', 'team-b/no-gpu-left', rejected('InsufficientPCIDevices')),
  one(
    'Refused: everything, and all reasons are told at once',
    '14-refused-everything.yaml',
    'team-b/far-too-big',
    rejected('InsufficientMemory', 'InsufficientDisk', 'InsufficientVCPUs', 'InsufficientPCIDevices'),
  ),
  one(
    "Refused by the claim's own limit",
    '15-refused-own-limits.yaml',
    'team-b/keep-it-half-empty',
    rejected('InsufficientMemory'),
  ),
  {
    title: 'Refused: the node is cordoned',
    play: async (stage) => {
      await stage.kubectl.run('cordon', 'big-1');
      await stage.apply('16-refused-unschedulable.yaml');
      await stage.expectClaim('team-b/not-on-a-cordoned-node', rejected('NodeUnschedulable'));
      await stage.kubectl.run('uncordon', 'big-1');
    },
  },
  one(
    'Refused: the instance is claimed already',
    '17-refused-already-claimed.yaml',
    'team-b/edge-1-again',
    rejected('InstanceAlreadyClaimed'),
  ),
  one(
    'Refused: it would wait, and could never fit',
    '18-refused-never-fits.yaml',
    'team-a/waits-in-vain',
    rejected('ExceedsNodeLimit', 'InsufficientMemory'),
  ),
  one(
    'Refused: an alias that the node does not know',
    '19-refused-unknown-alias.yaml',
    'team-b/unknown-alias',
    rejected('UnknownPCIAlias'),
  ),
  {
    title: 'A claim waits, and is granted when another is deleted',
    play: async (stage) => {
      await stage.apply('20-wait.yaml');
      await stage.expectClaim('team-b/patient', { phase: 'Pending', reasons: ['InsufficientMemory'] });
      await stage.kubectl.run('delete', '-f', 'examples/claims/03-granted.yaml');
      await stage.expectNoClaim('team-a/web-2');
      await stage.expectClaim('team-b/patient', granted);
    },
  },
  one(
    'A claim waits for two seconds at most',
    '21-wait-gives-up.yaml',
    'team-b/less-patient',
    rejected('InsufficientMemory'),
  ),
  {
    title: 'A claim whose instance never appears gives its resources back by itself',
    play: async (stage) => {
      await stage.apply('22-expires.yaml');
      await stage.expectClaim('team-a/never-started', { phase: 'Expired', reasons: ['Expired'] });
      await stage.expectAvailableMemory('big-1', '1572096Mi');
    },
  },
  {
    title: 'With a scheduler a refusal is an attempt, and the claim goes to the next node',
    play: async (stage) => {
      const claim = 'team-a/placed-by-scheduler';
      await stage.apply('23-scheduler-tries-again.yaml');
      await stage.expectClaim(claim, { phase: 'Pending', reasons: ['InsufficientMemory'] });
      const patch = JSON.stringify({ spec: { nodeName: 'big-1' } });
      await stage.kubectl.run('patch', 'iclaim', 'placed-by-scheduler', '-n', 'team-a', '--type=merge', '-p', patch);
      await stage.expectClaim(claim, granted);
    },
  },
  {
    title:
      'A cold migration: both nodes hold until it is confirmed. Somebody moves the instance and reports; here it is kubectl',
    play: async (stage) => {
      const [namespace, name] = ['team-b', 'patient-to-big-1'] as const;
      await stage.apply('01-cold-migration.yaml', 'migrations');
      await stage.expectMigration(`${namespace}/${name}`, 'PreMigrating');
      await stage.expectAvailableMemory('big-1', '1422192Mi');
      await stage.report(namespace, name, 'Migrating');
      await stage.report(namespace, name, 'PostMigrating');
      await stage.expectMigration(`${namespace}/${name}`, 'Finished');
      await stage.expectAvailableMemory('small-1', '3040Mi');
      await stage.decide(namespace, name, 'Confirm');
      await stage.expectMigration(`${namespace}/${name}`, 'Confirmed');
      await stage.expectAvailableMemory('small-1', '21616Mi');
    },
  },
  {
    title: 'A resize in place: there has to be room for both flavors until it is decided; here it is taken back',
    play: async (stage) => {
      const [namespace, name] = ['team-a', 'edge-1-grows'] as const;
      await stage.apply('02-resize-in-place.yaml', 'migrations');
      await stage.expectMigration(`${namespace}/${name}`, 'PreMigrating');
      await stage.report(namespace, name, 'Migrating');
      await stage.report(namespace, name, 'PostMigrating');
      await stage.expectMigration(`${namespace}/${name}`, 'Finished');
      await stage.kubectl.run('get', 'imig', '-A');
      await stage.decide(namespace, name, 'Revert');
      await stage.expectMigration(`${namespace}/${name}`, 'Reverted');
      await stage.expectAvailableMemory('small-1', '21616Mi');
    },
  },
  {
    title: 'A migration is refused as a claim would be; the instance stays where it is',
    play: async (stage) => {
      await stage.apply('03-refused.yaml', 'migrations');
      await stage.expectMigration('team-a/training-2-to-small-1', 'Rejected');
    },
  },
  {
    title: 'What is wrong by itself is refused by the API server',
    play: async (stage) => {
      const said = await stage.kubectl.fail('apply', '-f', 'examples/claims/90-invalid.yaml');
      for (const fault of ['must be a UUID in lower case', 'must be whole bytes', 'exactly one of alias and selectors'])
        if (!said.includes(fault)) throw new DemoError(`the API server's message does not say "${fault}"`);
    },
  },
  {
    title: 'Every decision is an Event, too',
    play: async (stage) => {
      const count = await stage.expectEvents();
      stage.printer.text(`${count} Events on claims; kubectl describe shows them:`);
      await stage.kubectl.run('describe', 'iclaim', 'far-too-big', '-n', 'team-b');
    },
  },
  {
    title: 'What there is at the end',
    play: async (stage) => {
      await stage.kubectl.run('get', 'cn,iclaim', '-A');
      await stage.kubectl.run('get', 'cn', 'gpu-1', '-o', 'wide');
    },
  },
];

/** Plays all scenes. Rejects with a DemoError at the first outcome that is not the promised one. Resolves to how many there were. */
export async function play(stage: Stage): Promise<number> {
  for (const { title, play: scene } of scenes) {
    stage.printer.title(title);
    await scene(stage);
  }
  return scenes.length;
}
