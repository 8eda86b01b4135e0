// Adds up, gzipped, the JavaScript that a room needs to open, and fails above the budget of 170 kB.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const BUDGET_BYTES = 170_000 // a weak 3G line carries it in about three seconds
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))

function chunksOf(key, seen = new Set()) {
  const chunk = manifest[key]
  if (!chunk || seen.has(key)) return seen
  seen.add(key)
  for (const imported of chunk.imports ?? []) chunksOf(imported, seen)
  return seen
}

function gzipBytes(file) {
  return gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length
}

const room = 'src/features/room/RoomPage.vue'
if (!manifest[room]) {
  console.error(`no chunk for ${room}: is it still a lazy route?`)
  process.exit(1)
}
const keys = chunksOf(room, chunksOf('index.html'))
const files = [...new Set([...keys].map((key) => manifest[key].file))].filter((file) => file.endsWith('.js'))
const rows = files.map((file) => ({ file, bytes: gzipBytes(file) })).sort((a, b) => b.bytes - a.bytes)
const total = rows.reduce((sum, row) => sum + row.bytes, 0)
for (const row of rows) console.log(`${(row.bytes / 1000).toFixed(1).padStart(7)} kB  ${row.file}`)
console.log(`${(total / 1000).toFixed(1).padStart(7)} kB  a room opens with (budget ${BUDGET_BYTES / 1000} kB)`)
if (total > BUDGET_BYTES) process.exit(1)
