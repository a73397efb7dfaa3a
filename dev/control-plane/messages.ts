/** The servers of a control plane; each is also the name of its binary. */
export type ServerName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager';

/** What an owner tells its supervisor. `server` is any name that the owner gives to a process; its log file is called after it. */
export type Command =
  | {
      readonly kind: 'start';
      readonly server: string;
      readonly file: string;
      readonly arguments: readonly string[];
    }
  | { readonly kind: 'kill'; readonly server: string }
  | { readonly kind: 'stop' };

/** What the supervisor tells the owner. `ready` comes once and first; every `started` is followed by one `exited`. */
export type Report =
  | { readonly kind: 'ready'; readonly directory: string }
  | { readonly kind: 'started'; readonly server: string; readonly processId: number }
  | { readonly kind: 'exited'; readonly server: string; readonly reason: string };
