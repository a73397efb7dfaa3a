import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import * as der from './der.ts';

const hourMs = 3_600_000;
const validityMs = 365 * 24 * hourMs;

const oid = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

/** A certificate and its private key, both PEM. */
export type Credentials = {
  readonly certificate: string;
  readonly key: string;
};

/** A signing key pair for service-account tokens, both PEM. */
export type SigningKeys = {
  readonly publicKey: string;
  readonly privateKey: string;
};

/** A certificate authority that lives as long as its control plane. Keys are P-256, certificates good for a year. */
export class CertificateAuthority {
  /** The authority's own certificate, PEM. */
  readonly certificate: string;
  /** The authority's key, PEM: the controller manager signs requests for certificates with it. */
  readonly key: string;
  readonly #signingKey: KeyObject;
  readonly #name: Buffer;

  constructor(name: string) {
    const { publicKey, privateKey } = newKeys();
    this.#signingKey = privateKey;
    this.#name = distinguishedName(name, []);
    this.key = privateKeyPem(privateKey);
    this.certificate = this.#issue(this.#name, publicKey, authorityExtensions());
  }

  /** Credentials of a server that is reached by these DNS names and IPv4 addresses. */
  issueServer(name: string, dnsNames: readonly string[], addresses: readonly string[]): Credentials {
    return this.#issueLeaf(distinguishedName(name, []), [
      extendedKeyUsage(oid.serverAuth),
      subjectAlternativeNames(dnsNames, addresses),
    ]);
  }

  /** Credentials of a Kubernetes user: the API server reads the user from the common name, the groups from organizations. */
  issueClient(user: string, groups: readonly string[]): Credentials {
    return this.#issueLeaf(distinguishedName(user, groups), [extendedKeyUsage(oid.clientAuth)]);
  }

  #issueLeaf(subject: Buffer, extensions: readonly Buffer[]): Credentials {
    const { publicKey, privateKey } = newKeys();
    const certificate = this.#issue(subject, publicKey, [...leafExtensions(), ...extensions]);
    return { certificate, key: privateKeyPem(privateKey) };
  }

  /** RFC 5280, section 4.1: what is certified, then the algorithm, then the signature over the first. */
  #issue(subject: Buffer, publicKey: KeyObject, extensions: readonly Buffer[]): string {
    const algorithm = der.sequence(der.objectIdentifier(oid.ecdsaWithSha256));
    const certified = der.sequence(
      der.explicit(0, der.integer(Buffer.of(2))), // version 3
      der.integer(randomBytes(16)),
      algorithm,
      this.#name,
      validity(),
      subject,
      publicKey.export({ type: 'spki', format: 'der' }),
      der.explicit(3, der.sequence(...extensions)),
    );
    const signature = sign('sha256', certified, this.#signingKey);
    return pem('CERTIFICATE', der.sequence(certified, algorithm, der.bitString(signature)));
  }
}

/** New keys for the API server to sign service-account tokens with and to check them by. */
export function newSigningKeys(): SigningKeys {
  const { publicKey, privateKey } = newKeys();
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: privateKeyPem(privateKey),
  };
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Begins an hour ago, so that a clock that is set back a little spoils nothing. */
function validity(): Buffer {
  const now = Date.now();
  return der.sequence(der.utcTime(new Date(now - hourMs)), der.utcTime(new Date(now + validityMs)));
}

function distinguishedName(commonName: string, organizations: readonly string[]): Buffer {
  const attribute = (type: string, value: string) =>
    der.setOf(der.sequence(der.objectIdentifier(type), der.utf8String(value)));
  return der.sequence(
    ...organizations.map((organization) => attribute(oid.organization, organization)),
    attribute(oid.commonName, commonName),
  );
}

function authorityExtensions(): Buffer[] {
  const signsCertificatesAndLists = der.bitString(Buffer.of(0b0000_0110), 1);
  return [
    criticalExtension(oid.basicConstraints, der.sequence(der.booleanTrue())),
    criticalExtension(oid.keyUsage, signsCertificatesAndLists),
  ];
}

function leafExtensions(): Buffer[] {
  const signsHandshakes = der.bitString(Buffer.of(0b1000_0000), 7);
  return [criticalExtension(oid.basicConstraints, der.sequence()), criticalExtension(oid.keyUsage, signsHandshakes)];
}

function extendedKeyUsage(usage: string): Buffer {
  return extension(oid.extendedKeyUsage, der.sequence(der.objectIdentifier(usage)));
}

function subjectAlternativeNames(dnsNames: readonly string[], addresses: readonly string[]): Buffer {
  const names = dnsNames.map((name) => der.implicit(2, Buffer.from(name, 'ascii')));
  const ipv4 = addresses.map((address) => der.implicit(7, Buffer.from(address.split('.').map(Number))));
  return extension(oid.subjectAlternativeName, der.sequence(...names, ...ipv4));
}

function extension(type: string, value: Buffer): Buffer {
  return der.sequence(der.objectIdentifier(type), der.octetString(value));
}

function criticalExtension(type: string, value: Buffer): Buffer {
  return der.sequence(der.objectIdentifier(type), der.booleanTrue(), der.octetString(value));
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
