import { stringify } from 'yaml';
import type { Credentials } from './certificates.ts';

/** The text of a kubeconfig with one cluster and one user, certificates inlined: it can be copied anywhere on this machine. */
export function kubeconfigText(
  url: string,
  authorityCertificate: string,
  user: string,
  credentials: Credentials,
): string {
  const cluster = 'resource-tracker';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server: url, 'certificate-authority-data': base64(authorityCertificate) } }],
    users: [
      {
        name: user,
        user: {
          'client-certificate-data': base64(credentials.certificate),
          'client-key-data': base64(credentials.key),
        },
      },
    ],
    contexts: [{ name: cluster, context: { cluster, user } }],
    'current-context': cluster,
  });
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
