// Beside each text file of the built page the same compressed: the server sends that to whoever takes it, and a weak line waits a third as long.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const TEXT = /\.(js|css|html|svg|webmanifest)$/
const SMALLEST_BYTES = 512 // of less nothing is gained: it is one packet anyway

/** Writes `.br` and `.gz` beside the text files of a folder, and of those in it. */
export async function compressFolder(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true })
  await Promise.all(
    entries.map((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return compressFolder(path)
      return TEXT.test(entry.name) ? compressFile(path) : undefined
    }),
  )
}

async function compressFile(path: string): Promise<void> {
  const content = await readFile(path)
  if (content.length < SMALLEST_BYTES) return
  await Promise.all([
    promisify(brotliCompress)(content).then((small) => writeFile(`${path}.br`, small)),
    promisify(gzip)(content, { level: 9 }).then((small) => writeFile(`${path}.gz`, small)),
  ])
}

export function compressed(): Plugin {
  let folder = ''
  return {
    name: 'compressed',
    apply: 'build',
    configResolved: ({ root, build }) => {
      folder = join(root, build.outDir)
    },
    // After the service worker has been written.
    closeBundle: { order: 'post', sequential: true, handler: () => compressFolder(folder) },
  }
}
