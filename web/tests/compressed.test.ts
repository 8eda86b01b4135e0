// What the server sends of the page is small: beside each text file lies the same compressed.
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { compressFolder } from '../build/compressed'

it('text lies there compressed as well, pictures and what is tiny do not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'page-'))
  const script = 'export const words = "柑橘"\n'.repeat(100)
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'assets', 'index-abc.js'), script)
  await writeFile(join(folder, 'icon.png'), script)
  await writeFile(join(folder, 'sw.js'), 'tiny')
  await compressFolder(folder)
  expect((await readdir(folder)).sort()).toEqual(['assets', 'icon.png', 'sw.js'])
  expect((await readdir(join(folder, 'assets'))).sort()).toEqual(['index-abc.js', 'index-abc.js.br', 'index-abc.js.gz'])
  expect(brotliDecompressSync(await readFile(join(folder, 'assets', 'index-abc.js.br'))).toString()).toBe(script)
  expect(gunzipSync(await readFile(join(folder, 'assets', 'index-abc.js.gz'))).toString()).toBe(script)
})
