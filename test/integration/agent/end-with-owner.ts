/** Loaded before the agent by `--import`: a test that dies takes its agent along, however it dies. */
process.stdin.on('end', () => process.exit(1)).resume();
