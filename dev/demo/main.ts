/**
 * `make demo`: a control plane, three nodes with an agent each, and claims that come and go. Says at the end how to talk to it, and stays
 * until Ctrl-C; with ONCE=1 it ends by itself. Exits with 1 when anything came out otherwise than the story says.
 */
import { installCrds } from '../control-plane/crds.ts';
import { ControlPlaneError } from '../control-plane/errors.ts';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { ToolsError } from '../tools/errors.ts';
import { Agents } from './agents.ts';
import { DemoError } from './errors.ts';
import { Kubectl } from './kubectl.ts';
import { createNode, machines } from './nodes.ts';
import { Printer } from './printer.ts';
import { Stage } from './stage.ts';
import { play } from './story.ts';

const signals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

const isOnce = (process.env.ONCE ?? '') !== '';
const printer = new Printer();
const resources = new AsyncDisposableStack();
let finished = false;
let ending: Promise<void> | undefined;

for (const [signal, number] of Object.entries(signals)) {
  // A second Ctrl-C ends at once; the supervisors then clear up by themselves.
  process.once(signal, () => void end(finished ? 0 : 128 + number));
}

try {
  await run();
  finished = true;
  if (isOnce) await end(0);
} catch (error) {
  // The terminal's Ctrl-C ends a kubectl that runs, too: what fails then is no news.
  if (ending === undefined) process.stderr.write(`\ndemo: ${explain(error)}\n`);
  await end(1);
}

async function run(): Promise<void> {
  printer.title('A control plane of its own: etcd, kube-apiserver, kube-controller-manager');
  // The Nodes have no kubelet, so the controller that taints silent ones is off.
  const extraArguments = { 'kube-controller-manager': ['--controllers=*,-node-lifecycle-controller'] };
  const controlPlane = resources.use(await startControlPlane({ extraArguments }));
  process.env.KUBECONFIG = controlPlane.kubeconfigPath;
  await installCrds(controlPlane);
  printer.event('control plane', `ready at ${controlPlane.url}, with the project's CRDs`);
  const kubectl = new Kubectl(controlPlane.env, printer);
  await kubectl.run('apply', '-f', 'examples/agent-rbac.yaml');
  for (const machine of machines) {
    await createNode(machine);
    printer.event(`node ${machine.name}`, machine.description);
  }
  const agents = resources.use(await Agents.start(controlPlane));
  const scenes = await play(await Stage.open({ printer, kubectl, agents }));
  printer.title(`All ${scenes} scenes went as told`);
  if (!isOnce) await sayHowToTalkToIt(controlPlane, agents);
}

async function sayHowToTalkToIt({ kubeconfigPath, binDirectory }: ControlPlane, agents: Agents): Promise<void> {
  const [machine] = machines;
  const port = machine === undefined ? undefined : await agents.healthPort(machine);
  const lines = [
    'Talk to it from another terminal, in this folder:',
    `  export KUBECONFIG=${kubeconfigPath} PATH="${binDirectory}:$PATH"`,
    '  kubectl get cn,iclaim -A',
    '  kubectl get iclaim -A --watch',
    '  kubectl apply -f examples/claims/03-granted.yaml     # granted again,',
    '  kubectl delete -f examples/claims/03-granted.yaml    # and given back',
    '  kubectl describe cn gpu-1',
    '  kubectl explain iclaim.spec',
    '  node_modules/.bin/node dist/resource-tracker.mjs explain gpu-1    # line by line: why is so much used?',
    `  curl -s http://127.0.0.1:${port}/metrics | grep ^resource_tracker`,
    `  tail -f ${agents.directory}/agent-*.log`,
    '',
    'Ctrl-C ends the demo and removes everything.',
  ];
  printer.text(lines.join('\n'));
}

/** Ends everything and this process; the first code given is the one. */
function end(code: number): Promise<void> {
  ending ??= endNow(code);
  return ending;
}

async function endNow(code: number): Promise<void> {
  await resources.disposeAsync().catch((error: unknown) => process.stderr.write(`demo: ${String(error)}\n`));
  process.exit(code);
}

/** One line for what a user can mend, everything for a programmer's error. */
function explain(error: unknown): string {
  const isForPeople = error instanceof DemoError || error instanceof ControlPlaneError || error instanceof ToolsError;
  if (isForPeople) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : JSON.stringify(error);
}
