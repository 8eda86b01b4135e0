// Rules of the house that a machine can check: colours in one file, words in one folder, the same words in both languages.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import en from '@/i18n/en'
import few from '@/i18n/zh'
import more from '@/i18n/zh/more'

const zh = { ...few, ...more, errors: { ...few.errors, ...more.errors } }
const SOURCE = join(__dirname, '../src')
const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(vue|ts|css)$/.test(name) && name !== 'components.d.ts')
  .map((name) => ({ name: name.replaceAll('\\', '/'), text: readFileSync(join(SOURCE, name), 'utf8') }))

const textOf = new Map(files.map(({ name, text }) => [name, text]))

/** What is loaded together with the other words. */
const withWords = /loadMoreWords\(\)\.then\(\(\) => import\('[^']*'\)\)/g

/** What a file needs, at once or later, without the pages that the router leads to, and what brings its words along. */
function reached(start: string[]): Set<string> {
  const seen = new Set(start)
  for (const name of seen) {
    if (name === 'router.ts') continue
    const text = (textOf.get(name) ?? '').replace(withWords, '')
    for (const [, spec = ''] of text.matchAll(/(?:from|import|import\()\s*'([@.][^']*)'/g)) {
      const path = normalize(spec.startsWith('@/') ? spec.slice(2) : join(dirname(name), spec))
      const found = [path, `${path}.ts`, `${path}/index.ts`].find((each) => textOf.has(each))
      if (found) seen.add(found)
    }
  }
  return seen
}

const without = (pattern: RegExp, text: string) => text.replace(pattern, '')
const comments = /\/\*[\s\S]*?\*\/|(^|[^:'"`])\/\/.*$/gm

function paths(tree: object, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null ? paths(value, `${prefix}${key}.`) : [`${prefix}${key}`],
  )
}

function words(tree: object): [string, string][] {
  return paths(tree).map((path) => [
    path,
    path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], tree) as string,
  ])
}

describe('house rules', () => {
  it('keeps every colour in tokens.css', () => {
    const colour = /#[0-9a-f]{3,8}\b(?![\w-])|\b(rgba?|hsla?|oklch)\(/gi
    const offenders = files
      .filter(({ name }) => name !== 'ui/tokens.css')
      .filter(({ text }) => colour.test(without(comments, text)) && (colour.lastIndex = 0) === 0)
      .map(({ name }) => name)
    expect(offenders).toEqual([])
  })

  it('keeps every Chinese word in i18n', () => {
    const offenders = files
      .filter(({ name }) => !name.startsWith('i18n/') && !name.endsWith('.test.ts'))
      .filter(({ text }) => /\p{Script=Han}/u.test(without(comments, text)))
      .map(({ name }) => name)
    expect(offenders).toEqual([])
  })

  it('has the same words in Chinese and English', () => {
    expect(paths(en).sort()).toEqual(paths(zh).sort())
  })

  it('has no words that nothing says', () => {
    const said = files.filter(({ name }) => !/^i18n\/(en|zh)\/|\.test\.ts$/.test(name)).map(({ text }) => text).join('\n')
    const quoted = new Set([...said.matchAll(/['"`]([\w-]+(?:\.[\w-]+)+)['"`]/g)].map(([, path]) => path))
    // `orders.state.${order.state}` says all that fit.
    const fitting = [...said.matchAll(/`([a-z]\w*\.[^`\s]*\$\{[^`]*)`/g)].map(([, path = '']) => {
      const fixed = path.split(/\$\{[^}]*\}/).map((part) => part.replaceAll('.', '\\.'))
      return new RegExp(`^${fixed.join('[\\w.-]+')}$`)
    })
    const unsaid = paths(zh).filter((path) => !quoted.has(path) && !fitting.some((pattern) => pattern.test(path)))
    expect(unsaid).toEqual([])
  })

  it('uses the same placeholders in both languages', () => {
    const holes = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort()
    const english = new Map(words(en))
    const different = words(zh).filter(([path, text]) => {
      const other = english.get(path) ?? ''
      return new Set(holes(text)).size > 0 && String(new Set(holes(text)).size) !== String(new Set(holes(other)).size)
    })
    expect(different).toEqual([])
  })

  it('asks only for words that exist', () => {
    const known = new Set(paths(zh))
    const missing = files.flatMap(({ name, text }) =>
      [...text.matchAll(/\bt\('([\w.]+)'/g)]
        .map(([, key]) => key ?? '')
        .filter((key) => !known.has(key))
        .map((key) => `${name}: ${key}`),
    )
    expect(missing).toEqual([])
  })

  it('says in the room only words that come with it', () => {
    const names = reached(['main.ts', 'App.vue', 'features/room/RoomPage.vue'])
    expect(names).toContain('features/buying/OrderLines.vue')
    const later = Object.keys(more).filter((key) => key !== 'errors').join('|')
    const missing = [...names]
      .filter((name) => name !== 'router.ts' && !name.startsWith('i18n/'))
      .flatMap((name) => [...(textOf.get(name) ?? '').matchAll(new RegExp(`\\bt\\(['\`](?:${later})\\.[\\w.]*`, 'g'))].map(([key]) => `${name}: ${key}`))
    expect(missing).toEqual([])
  })
})
