/** The binaries that `tools/go.mod` pins and that the control plane runs, in the order in which they are built. */
export const toolNames = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;

/** One of {@link toolNames}; also the name of its file. */
export type ToolName = (typeof toolNames)[number];

const packages: Record<ToolName, string> = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
};

/** The arguments of `go` that build one tool into the file `output`, given the text of `tools/go.mod`. */
export function buildArguments(tool: ToolName, goMod: string, output: string): string[] {
  const linkerFlags = ['-s', '-w', ...(tool === 'etcd' ? [] : kubernetesVersionFlags(goMod))];
  return ['build', '-trimpath', '-buildvcs=false', '-ldflags', linkerFlags.join(' '), '-o', output, packages[tool]];
}

/** Kubernetes learns its version from the linker; without these flags it calls itself v0.0.0 and clients mistrust it. */
function kubernetesVersionFlags(goMod: string): string[] {
  const [version, major, minor] = /^\s*k8s\.io\/kubernetes v(\d+)\.(\d+)\.\S+/m.exec(goMod) ?? [];
  if (version === undefined || major === undefined || minor === undefined) {
    throw new Error('tools/go.mod does not require k8s.io/kubernetes');
  }
  const values = { gitVersion: version.trim().split(' ')[1], gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((path) =>
    Object.entries(values).map(([name, value]) => `-X=${path}.${name}=${value}`),
  );
}
