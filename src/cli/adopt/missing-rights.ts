/** Why the API server may have said no: all verbs at once, where its own message names the first that is missing. */
import type { Connection } from '../../kube/connection.ts';

/** Each verb that creating an adopting claim takes, and the role that gives it. */
const ROLES = { create: 'edit', bind: 'resource-tracker-bind', adopt: 'resource-tracker-adopt' } as const;
type Verb = keyof typeof ROLES;
const VERBS = ['create', 'bind', 'adopt'] as const satisfies readonly Verb[];

interface AccessReview {
  readonly status?: { readonly allowed?: boolean };
}

/** What to ask an administrator for; undefined where nothing is missing. */
export async function rightsAdvice(connection: Connection, namespace: string): Promise<string | undefined> {
  const answers = await Promise.all(VERBS.map((verb) => isAllowed(connection, namespace, verb)));
  const missing = VERBS.filter((_verb, index) => answers[index] === false);
  if (missing.length === 0) return undefined;
  const commands = missing.map(
    (verb) => `  kubectl create rolebinding ${verb} -n ${namespace} --clusterrole ${ROLES[verb]} --user YOU`,
  );
  const verbs = missing.length === 1 ? 'verb' : 'verbs';
  const head = `In namespace ${namespace} you lack the ${verbs} ${missing.join(', ')} on instanceclaims. Ask an administrator for`;
  return [head, ...commands].join('\n');
}

async function isAllowed(connection: Connection, namespace: string, verb: Verb): Promise<boolean> {
  const resourceAttributes = { namespace, verb, group: 'resourcetracker.dev', resource: 'instanceclaims' };
  const review = await connection.request<AccessReview>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes },
    },
  });
  return review.status?.allowed === true;
}
