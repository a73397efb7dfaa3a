/** The rooms of ARCHITECTURE.md: who may import whom. One rule for each row, with its reason. */

/** @param {string} name @param {string} comment @param {string[]} allowed other rooms that it may import */
const room = (name, comment, allowed, { npm = [], core = [] } = {}) => [
  {
    name: `room-${name.replaceAll('/', '-')}`,
    comment,
    severity: 'error',
    from: { path: `^src/${name}(/|\\.ts$)` },
    to: { path: '^(src|dev|test)/', pathNot: [`^src/${name}(/|\\.ts$)`, ...allowed.map((path) => `^src/${path}`)] },
  },
  {
    name: `room-${name.replaceAll('/', '-')}-packages`,
    comment: `${name}: npm packages are ${npm.join(', ') || 'none'}; Node's own modules are ${core.join(', ') || 'none'}`,
    severity: 'error',
    from: { path: `^src/${name}(/|\\.ts$)` },
    to: {
      dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown', 'core'],
      pathNot: [...npm.map((module) => `node_modules/${module}/`), ...core.map((module) => `^(node:)?${module}$`)],
    },
  },
];

const ANY_CORE = ['.*'];

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      comment: 'Data flows one way; a circle is a room that has no job of its own.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-unresolved',
      comment: 'An import that does not resolve is not checked by any other rule.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'shipped-code-only',
      comment: 'What is shipped never needs what is for developers.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(dev|test)/' },
    },
    {
      name: 'executor-stands-alone',
      comment: 'People take it away and go on with it: it knows commands and the API, nothing of the program.',
      severity: 'error',
      from: { path: '^examples/executor/' },
      to: { path: '^(src|dev|test|node_modules)/' },
    },
    {
      name: 'no-fluent-client-in-bundle',
      comment: 'kubernetes-fluent-client serves demo and tests; it brings a client-node of its own (docs/adr/0001).',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: 'node_modules/kubernetes-fluent-client/' },
    },
    ...room('quantity', 'Exact numbers; imports nothing.', []),
    ...room('ledger', 'Pure sums; no I/O, no clock, no npm, no Kubernetes or libvirt words; imports nothing.', []),
    ...room('api', 'Generated types and builders of objects.', ['quantity']),
    ...room('protocol', 'Pure steps; the hypervisor is known by what it reports (types of the port).', [
      'ledger',
      'quantity',
      'api',
      'drivers/driver\\.ts',
    ]),
    ...room('drivers/driver', 'The port: what a hypervisor must tell.', ['ledger/types\\.ts']),
    ...room('drivers/overhead', 'What an instance costs its hypervisor, by formulas that all drivers share.', ['drivers/driver\\.ts', 'quantity']),
    ...room(
      'drivers/libvirt',
      'Siblings never meet; only the port and ledger types.',
      ['drivers/(driver|overhead)\\.ts', 'ledger/types\\.ts'],
      { npm: ['koffi', 'fast-xml-parser'], core: ANY_CORE },
    ),
    ...room('drivers/fake', 'Siblings never meet; only the port and ledger types.', ['drivers/(driver|overhead)\\.ts', 'ledger/types\\.ts', 'quantity'], {
      npm: ['yaml'],
      core: ANY_CORE,
    }),
    ...room('monitors', 'What is measured of a host; one that fails costs its own figures. It knows the hypervisor by the port.', ['drivers/driver\\.ts']),
    ...room('plugin', 'What a plug-in module is made of: types, in one place.', ['ledger/statistic\\.ts', 'monitors/monitor\\.ts']),
    ...room('kube', 'The way to the API server; knows objects, not decisions.', ['api'], {
      npm: ['@kubernetes/client-node', 'yaml'],
      core: ANY_CORE,
    }),
    ...room('process', 'What every long-running process is made of: options, health, identity, pacing, the loop of a Lease.', ['(api|kube|protocol)(/|$)'], {
      npm: ['@prometheus-io/client', 'yaml'],
      core: ANY_CORE,
    }),
    ...room('agent', 'The shell that runs the protocol.', ['(api|drivers|kube|ledger|monitors|process|protocol|quantity)(/|$)', '(plugin|version)\\.ts'], {
      npm: ['.*'],
      core: ANY_CORE,
    }),
    ...room('controller', 'The one for the cluster: it knows neither hypervisors nor sums, and nothing of an agent but what it writes.', ['(api|kube|process|protocol|quantity)(/|$)', 'version\\.ts'], {
      npm: ['pino'],
      core: ANY_CORE,
    }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
