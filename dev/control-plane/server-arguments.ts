import { loopback } from './port.ts';

/** The files and sockets of one control plane, all inside its directory. */
export type Paths = {
  readonly etcdData: string;
  /** An older state of it. */
  readonly etcdCopy: string;
  readonly etcdSocket: string;
  readonly authorityCertificate: string;
  readonly authorityKey: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  readonly signingPublicKey: string;
  readonly signingPrivateKey: string;
  readonly controllerManagerKubeconfig: string;
  readonly adminKubeconfig: string;
};

/**
 * etcd on Unix sockets: they need no free port, and the directory's mode keeps other users of the machine out. Advertised and
 * peer addresses have to look like host and port, and nobody dials them in a cluster of one; `peer:1` is a file in the directory.
 */
export function etcdArguments(paths: Paths, unsafeNoFsync: boolean): string[] {
  const peer = 'unix://peer:1';
  return [
    `--data-dir=${paths.etcdData}`,
    `--listen-client-urls=unix://${paths.etcdSocket}`,
    '--advertise-client-urls=unix://client:1',
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    ...(unsafeNoFsync ? ['--unsafe-no-fsync'] : []),
  ];
}

/** An API server with Kubernetes' own defaults for admission, and the authorization of a real cluster. */
export function apiServerArguments(paths: Paths, port: number): string[] {
  return [
    `--etcd-servers=unix://${paths.etcdSocket}`,
    `--bind-address=${loopback}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${paths.serverCertificate}`,
    `--tls-private-key-file=${paths.serverKey}`,
    `--client-ca-file=${paths.authorityCertificate}`,
    '--authorization-mode=Node,RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${paths.signingPublicKey}`,
    `--service-account-signing-key-file=${paths.signingPrivateKey}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    // Endpoints may not name a loopback address, so it would fail to publish its own, again and again.
    '--endpoint-reconciler-type=none',
    '--allow-privileged',
  ];
}

/** A controller manager without a port and, being alone, without an election. */
export function controllerManagerArguments(paths: Paths): string[] {
  return [
    `--kubeconfig=${paths.controllerManagerKubeconfig}`,
    '--secure-port=0',
    '--leader-elect=false',
    '--use-service-account-credentials',
    // It makes a service account for each controller before it starts any: 5 seconds under its usual limit of 20 a second.
    '--kube-api-qps=200',
    '--kube-api-burst=400',
    `--service-account-private-key-file=${paths.signingPrivateKey}`,
    `--root-ca-file=${paths.authorityCertificate}`,
    `--cluster-signing-cert-file=${paths.authorityCertificate}`,
    `--cluster-signing-key-file=${paths.authorityKey}`,
  ];
}
