// A process of its own for the tests that end the owner of a control plane: starts one, says where it is, and stays.
import { startControlPlane } from '../../dev/control-plane.ts';

const controlPlane = await startControlPlane({ controllerManager: false, unsafeNoFsync: true });
console.log(JSON.stringify({ directory: controlPlane.directory, processIds: controlPlane.processIds() }));
