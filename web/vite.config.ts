// SPDX-License-Identifier: Apache-2.0
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
    plugins: [svelte()],
    base: './',
    build: {
        target: 'es2022',
        modulePreload: { polyfill: false },
        // The policy of the server forbids scripts and fonts from data: addresses.
        assetsInlineLimit: 0,
    },
    test: { include: ['tests/**/*.test.ts'], environment: 'node' },
});
