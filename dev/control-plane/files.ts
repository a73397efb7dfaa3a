import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CertificateAuthority, newSigningKeys } from './certificates.ts';
import { loopback } from './port.ts';
import type { Paths } from './server-arguments.ts';

/** Where everything lies in a control plane's directory. */
export function pathsIn(directory: string): Paths {
  return {
    etcdData: join(directory, 'etcd'),
    etcdCopy: join(directory, 'etcd-copy'),
    etcdSocket: join(directory, 'etcd.sock'),
    authorityCertificate: join(directory, 'ca.crt'),
    authorityKey: join(directory, 'ca.key'),
    serverCertificate: join(directory, 'apiserver.crt'),
    serverKey: join(directory, 'apiserver.key'),
    signingPublicKey: join(directory, 'service-account.pub'),
    signingPrivateKey: join(directory, 'service-account.key'),
    controllerManagerKubeconfig: join(directory, 'controller-manager.kubeconfig'),
    adminKubeconfig: join(directory, 'kubeconfig'),
  };
}

/** Writes the certificates and keys that the servers read when they start. */
export async function writeKeys(paths: Paths, authority: CertificateAuthority): Promise<void> {
  const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'];
  const server = authority.issueServer('kube-apiserver', names, [loopback]);
  const signing = newSigningKeys();
  await Promise.all([
    writePrivate(paths.authorityCertificate, authority.certificate),
    writePrivate(paths.authorityKey, authority.key),
    writePrivate(paths.serverCertificate, server.certificate),
    writePrivate(paths.serverKey, server.key),
    writePrivate(paths.signingPublicKey, signing.publicKey),
    writePrivate(paths.signingPrivateKey, signing.privateKey),
  ]);
}

/** A file that only its owner reads. */
export async function writePrivate(path: string, content: string): Promise<void> {
  await writeFile(path, content, { mode: 0o600 });
}
