// SPDX-License-Identifier: Apache-2.0
// Fails the build when the pages grow beyond what a small office line loads at once:
// 150 kB (gzip) for what index.html asks for, 400 kB for everything.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const FIRST_SCREEN_BYTES = 150_000;
const TOTAL_BYTES = 400_000;

const dist = new URL('../dist/', import.meta.url);
const gzipped = (path) => gzipSync(readFileSync(new URL(path, dist)), { level: 9 }).length;
const index = readFileSync(new URL('index.html', dist), 'utf8');
const first = [...index.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((match) => match[1]);
const all = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`);

const firstBytes = ['index.html', ...first].reduce((sum, path) => sum + gzipped(path), 0);
const totalBytes = all.reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 9 }).length, 0);
console.log(`first screen ${firstBytes} bytes, everything ${totalBytes} bytes (gzip)`);
if (firstBytes > FIRST_SCREEN_BYTES || totalBytes > TOTAL_BYTES) {
    console.error(`too large: the limits are ${FIRST_SCREEN_BYTES} and ${TOTAL_BYTES}`);
    process.exit(1);
}
