// Packs what the builder made once, so that nodes need not pack it for every visitor.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const FOLDER = new URL('../src/weft/ui_dist/', import.meta.url);

for (const name of readdirSync(FOLDER, { recursive: true })) {
  if (/\.(js|css|html|svg|json)$/.test(name)) {
    const path = new URL(name.replaceAll('\\', '/'), FOLDER);
    writeFileSync(`${path.pathname}.gz`, gzipSync(readFileSync(path), { level: 9 }));
  }
}
