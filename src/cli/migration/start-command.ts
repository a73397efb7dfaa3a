import type { Command } from 'commander';
import { bytes } from '../../agent/amount-options.ts';
import { name, oneOf, option, optional, text, whole } from '../../process/option.ts';
import { clusterCommand } from '../cluster-command.ts';
import { onOff } from '../command-option.ts';
import { WAIT_OPTIONS, waitOf } from './options.ts';
import type { TypeWord } from './start-plan.ts';

const MORE = `\
What of the flavor is not said stays as it is. A resize stays on the node where the instance is, unless --to names another one.
The name is printed, so that a script can go on with it; with --name the command may be repeated.

Exit code 0: created, or reached with --wait; 1: refused, or ended otherwise; 2: wrong usage; 4: no answer of the API server; 124: not in time.

  resource-tracker migration start web-1 --type live --to worker-2 --wait
  resource-tracker migration start web-1 --type resize --memory 8Gi --vcpus 4
  M=$(resource-tracker migration start web-1 --type cold --to worker-2 --wait=PreMigrating)`;

const amount = (flag: string, description: string) =>
  optional<bigint>({ flag, placeholder: 'QUANTITY', description, read: bytes });

const OPTIONS = {
  type: option<TypeWord>({
    flag: 'type',
    placeholder: 'live|cold|resize|evacuation',
    description: 'how the instance goes; evacuation: from a node that is dead',
    read: oneOf('live', 'cold', 'resize', 'evacuation'),
  }),
  to: optional<string>({ flag: 'to', placeholder: 'NODE', description: 'where the instance is to go', read: name }),
  vcpus: optional<number>({
    flag: 'vcpus',
    placeholder: 'COUNT',
    description: 'vCPUs afterwards',
    read: whole(1, 1_000_000),
  }),
  memory: amount('memory', 'memory afterwards'),
  rootDisk: amount('root-disk', 'root disk afterwards'),
  ephemeralDisk: amount('ephemeral-disk', 'ephemeral disk afterwards'),
  flavorName: optional<string>({
    flag: 'flavor-name',
    placeholder: 'NAME',
    description: "the new flavor's name, for people only",
    read: text,
  }),
  name: optional<string>({
    flag: 'name',
    placeholder: 'NAME',
    description: "the Migration's name; default: one that is made from the claim's",
    read: name,
  }),
  confirm: onOff({ flag: 'confirm', description: 'keep the result once it is Finished, without being asked' }),
  ...WAIT_OPTIONS,
} as const;

/** `resource-tracker migration start CLAIM`. */
export function startCommand(): Command {
  return clusterCommand({
    name: 'start',
    summary: 'resize, move or evacuate the instance of a claim',
    words: [['CLAIM', 'name of the InstanceClaim']],
    options: OPTIONS,
    namespaced: true,
    more: MORE,
    run: async ([claimName = ''], options, cluster) => {
      const { runStart } = await import('./start.ts');
      const { type, to, vcpus, memory, rootDisk, ephemeralDisk, flavorName, confirm } = options;
      const flavor = {
        name: flavorName,
        vcpus,
        memoryBytes: memory,
        rootDiskBytes: rootDisk,
        ephemeralDiskBytes: ephemeralDisk,
      };
      const request = { type, targetNodeName: to, name: options.name, flavor, confirm };
      return runStart(claimName, request, waitOf(options), cluster);
    },
  });
}
