// What makes the page an app: its manifest in the colours of the tokens, and which files open without a network.
import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'

/** Pages that a learner needs in the field, and the player; what only they import comes along. The rest is loaded when it is visited. */
const OFFLINE_PAGES = [
  'index.html',
  'src/features/home/HomePage.vue',
  'src/features/learn/LearnPage.vue',
  'src/features/learn/CoursePage.vue',
  'src/features/lesson/LessonPage.vue',
  'src/features/offline/DownloadsPage.vue',
  'src/features/offline/boot.ts',
  'src/features/account/MePage.vue',
  'src/features/errors/NotFoundPage.vue',
  'src/i18n/en/index.ts',
  'hls',
]
const root = new URL('../', import.meta.url)

interface Chunk {
  file: string
  name?: string
  css?: string[]
  imports?: string[]
}

/** The value of a colour in tokens.css. */
function token(name: string): string {
  const text = readFileSync(new URL('src/ui/tokens.css', root), 'utf8')
  const found = new RegExp(`--${name}: (#[0-9a-f]{6});`).exec(text)?.[1]
  if (!found) throw new Error(`no colour ${name} in tokens.css`)
  return found
}

/** All files that these pages (by their source) and groups (by their name) are made of, as Vite wrote down in its manifest. */
function filesOfPages(manifest: Record<string, Chunk>, pages: readonly string[]): Set<string> {
  const files = new Set<string>()
  const named = new Map(Object.values(manifest).map((chunk) => [chunk.name, chunk]))
  const add = (key: string): void => {
    const chunk = manifest[key] ?? named.get(key)
    if (!chunk) throw new Error(`no chunk for ${key}: is it still loaded lazily?`)
    if (files.has(chunk.file)) return
    for (const file of [chunk.file, ...(chunk.css ?? [])]) files.add(file)
    chunk.imports?.forEach(add)
  }
  pages.forEach(add)
  return files
}

function themeColour(): Plugin {
  const tags = [{ tag: 'meta', attrs: { name: 'theme-color', content: token('lake-600') }, injectTo: 'head' as const }]
  return { name: 'theme-colour', transformIndexHtml: () => tags }
}

export function pwa(): Plugin[] {
  const icon = (name: string, sizes: string, purpose: string) => ({ src: `icons/${name}.png`, sizes, type: 'image/png', purpose })
  return [
    themeColour(),
    ...VitePWA({
      strategies: 'injectManifest',
      srcDir: 'sw',
      filename: 'sw.ts',
      injectRegister: null, // features/offline/boot.ts does, when the page has time
      includeManifestIcons: false, // the phone keeps them with the app
      manifest: {
        id: '/',
        name: '洞庭',
        short_name: '洞庭',
        description: '看直播，买好货，学农技',
        lang: 'zh-CN',
        start_url: '/',
        display: 'standalone',
        theme_color: token('lake-600'),
        background_color: token('rice-100'),
        icons: [icon('192', '192x192', 'any'), icon('512', '512x512', 'any'), icon('512-maskable', '512x512', 'maskable')],
      },
      injectManifest: {
        globPatterns: ['index.html', 'favicon.svg', 'assets/*.{js,css}'],
        manifestTransforms: [
          (entries) => {
            const made = JSON.parse(readFileSync(new URL('dist/.vite/manifest.json', root), 'utf8')) as Record<string, Chunk>
            const files = filesOfPages(made, OFFLINE_PAGES)
            const kept = entries.filter(({ url }) => !url.startsWith('assets/') || files.has(url))
            // From the root, so that they are found from wherever the service worker looks.
            return { manifest: kept.map((entry) => ({ ...entry, url: `/${entry.url}` })), warnings: [] }
          },
        ],
        minify: true,
        sourcemap: false,
      },
    }),
  ]
}
