import { defineConfig } from 'vitest/config';

const slow = ['integration', 'e2e', 'simulation', 'bench'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Properties take their time on a busy machine.
          testTimeout: 30_000,
          include: ['test/**/*.test.ts'],
          exclude: slow.map((folder) => `test/${folder}/**`),
        },
      },
      {
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/integration/global-setup.ts'],
          // Bounds for a busy machine: nothing waits for longer than it takes.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Each worker may start a control plane of its own beside the shared one.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
