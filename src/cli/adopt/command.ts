import type { Command } from 'commander';
import { option, text, whole } from '../../process/option.ts';
import { clusterCommand } from '../cluster-command.ts';
import { onOff, repeated } from '../command-option.ts';
import { rootDisk } from './root-disk.ts';

const MORE = `\
Without --yes nothing is created: the claims are printed as YAML, to be looked at, changed, and given to kubectl apply -f -.
A claim has the vCPUs, the memory and the kind of PCI devices that its instance has, so what the node counts for it stays as it is; only its
disk comes on top, which no hypervisor tells: --root-disk says it.

It takes the right to read ComputeNodes, to create claims in the namespace, and the verbs bind and adopt.
Exit code 0: all that match and belong to the namespace are claimed; 1: some are not, see the reasons; 124: not all were decided in time.

  resource-tracker adopt worker-1 -n team-a
  resource-tracker adopt worker-1 -n team-a --name 'web-*' --root-disk 20Gi --root-disk 'web-db=200Gi' --yes`;

const OPTIONS = {
  name: option<string>({
    flag: 'name',
    placeholder: 'GLOB',
    description: 'only instances with such names on the hypervisor; * is any run of characters, ? any one',
    read: text,
    fallback: '*',
  }),
  rootDisk: repeated({
    flag: 'root-disk',
    placeholder: 'QUANTITY|GLOB=QUANTITY',
    description: 'root disk of the instances that match the glob; the last one that matches counts, and 0 without one',
    read: rootDisk,
  }),
  label: repeated({ flag: 'label', placeholder: 'KEY=VALUE', description: 'a label for each claim', read: label }),
  yes: onOff({ flag: 'yes', short: 'y', description: 'create the claims, and wait until the agent has decided them' }),
  timeout: option<number>({
    flag: 'timeout',
    placeholder: 'SECONDS',
    description: 'how long to wait for that, for each round of claims',
    read: whole(1, 86_400),
    fallback: '60',
  }),
} as const;

/** The API server judges the rest. */
function label(value: unknown): readonly [string, string] {
  const [, key, content] = /^([^=]+)=(.*)$/.exec(text(value)) ?? [];
  if (key === undefined || content === undefined) throw new Error('must be KEY=VALUE, for example origin=brownfield');
  return [key, content];
}

/** `resource-tracker adopt NODE`. */
export function adoptCommand(): Command {
  return clusterCommand({
    name: 'adopt',
    summary: 'claim what runs on a node already: a claim for each instance that none is for',
    words: [['NODE', 'name of the ComputeNode']],
    options: OPTIONS,
    namespaced: true,
    more: MORE,
    run: async ([nodeName = ''], { name, rootDisk, label, yes, timeout }, cluster) => {
      const { runAdopt } = await import('./adopt.ts');
      const labels = Object.fromEntries(label);
      return runAdopt({ nodeName, glob: name, rootDisks: rootDisk, labels, yes, timeoutMs: timeout * 1000 }, cluster);
    },
  });
}
