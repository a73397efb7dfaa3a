/**
 * `npm audit` of what runs, where the registry answers. A registry without that service (a mirror behind a firewall) must not fail a
 * build, and says so in one line; known weaknesses do.
 */
import { spawnSync } from 'node:child_process';

const TIMEOUT_MS = 60_000;

/** How the audit ended, by npm's JSON. */
export function outcomeOf(stdout: string): 'sound' | 'weak' | 'unanswered' {
  const report = parse(stdout);
  if (report?.metadata?.vulnerabilities === undefined) return 'unanswered';
  return Object.entries(report.metadata.vulnerabilities).some(([level, count]) => level !== 'total' && count > 0)
    ? 'weak'
    : 'sound';
}

interface AuditReport {
  readonly metadata?: { readonly vulnerabilities?: Readonly<Record<string, number>> };
}

function parse(text: string): AuditReport | undefined {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

function main(): void {
  const words = ['audit', '--omit=dev', '--json'];
  const { stdout } = spawnSync('npm', words, { encoding: 'utf8', timeout: TIMEOUT_MS });
  const outcome = outcomeOf(stdout ?? '');
  if (outcome === 'sound') console.log('audit: no known weakness in what runs');
  if (outcome === 'unanswered') console.log('audit: the registry has no answer to npm audit; nothing was checked');
  if (outcome !== 'weak') return;
  spawnSync('npm', ['audit', '--omit=dev'], { stdio: 'inherit' });
  process.exitCode = 1;
}

if (import.meta.main) main();
