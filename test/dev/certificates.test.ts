import { createPrivateKey, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../dev/control-plane/certificates.ts';

const authority = new CertificateAuthority('test-authority');
const root = new X509Certificate(authority.certificate);

describe('An authority of certificates', () => {
  test('signs itself and may sign others.', () => {
    expect(root.ca).toBe(true);
    expect(root.subject).toBe('CN=test-authority');
    expect(root.verify(root.publicKey)).toBe(true);
    expect(root.checkPrivateKey(createPrivateKey(authority.key))).toBe(true);
  });

  test('issues servers for names and addresses.', () => {
    const { certificate, key } = authority.issueServer(
      'server',
      ['localhost', 'a.example.test'],
      ['127.0.0.1', '10.0.200.1'],
    );
    const server = new X509Certificate(certificate);
    expect(server.subjectAltName).toBe(
      'DNS:localhost, DNS:a.example.test, IP Address:127.0.0.1, IP Address:10.0.200.1',
    );
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(server.ca).toBe(false);
    expect(server.checkIssued(root)).toBe(true);
    expect(server.verify(root.publicKey)).toBe(true);
    expect(server.checkPrivateKey(createPrivateKey(key))).toBe(true);
  });

  test.each([
    { user: 'ada', groups: [], subject: 'CN=ada' },
    { user: 'system:node:n1', groups: ['system:nodes'], subject: 'O=system:nodes\nCN=system:node:n1' },
    { user: 'zoë', groups: ['a', 'b'], subject: 'O=a\nO=b\nCN=zoë' },
    { user: 'n'.repeat(300), groups: [], subject: `CN=${'n'.repeat(300)}` },
  ])('issues clients whose subject is $subject.', ({ user, groups, subject }) => {
    const client = new X509Certificate(authority.issueClient(user, groups).certificate);
    expect(client.subject).toBe(subject);
    expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(client.verify(root.publicKey)).toBe(true);
  });

  test('issues what is valid now and for months.', () => {
    const client = new X509Certificate(authority.issueClient('ada', []).certificate);
    expect(client.validFromDate.getTime()).toBeLessThan(Date.now());
    expect(client.validToDate.getTime()).toBeGreaterThan(Date.now() + 300 * 86_400_000);
  });

  test('gives each certificate a serial number of its own.', () => {
    const serials = Array.from(
      { length: 20 },
      () => new X509Certificate(authority.issueClient('ada', []).certificate).serialNumber,
    );
    expect(new Set(serials).size).toBe(20);
  });
});
