/** The servers of a control plane; each is also the name of its binary and of its log file. */
export type ServerName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager';

/** What the owner of a control plane tells its supervisor. */
export type Command =
  | {
      readonly kind: 'start';
      readonly server: ServerName;
      readonly file: string;
      readonly arguments: readonly string[];
    }
  | { readonly kind: 'kill'; readonly server: ServerName }
  | { readonly kind: 'stop' };

/** What the supervisor tells the owner. `ready` comes once and first; every `started` is followed by one `exited`. */
export type Report =
  | { readonly kind: 'ready'; readonly directory: string }
  | { readonly kind: 'started'; readonly server: ServerName; readonly processId: number }
  | { readonly kind: 'exited'; readonly server: ServerName; readonly reason: string };
