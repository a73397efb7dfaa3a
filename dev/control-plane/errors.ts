/** What went wrong with a control plane. */
export type ControlPlaneFailure = 'server-exited' | 'not-ready' | 'supervisor-gone' | 'request-failed';

/** Thrown by everything that runs a control plane. A failure of a server carries the end of its log in the message. */
export class ControlPlaneError extends Error {
  readonly reason: ControlPlaneFailure;

  constructor(reason: ControlPlaneFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ControlPlaneError';
    this.reason = reason;
  }
}
