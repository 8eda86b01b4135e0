// Text must be legible in sunlight: the pairs of tokens that meet on the page, measured as WCAG measures them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const css = readFileSync(join(__dirname, '../src/ui/tokens.css'), 'utf8')

function block(selector: string): Map<string, string> {
  const start = css.indexOf(`${selector} {`)
  const body = css.slice(start, css.indexOf('\n}', start))
  return new Map([...body.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name ?? '', value ?? '']))
}

const light = block(':root,\n[data-ground]')
const dark = new Map([...light, ...block("[data-ground='dark']")])

function colour(tokens: Map<string, string>, name: string): number[] {
  const value = tokens.get(name) ?? ''
  const reference = /var\((--[\w-]+)\)/.exec(value)?.[1]
  if (reference) return colour(tokens, reference)
  const hex = /^#([0-9a-f]{6})$/i.exec(value)?.[1]
  if (!hex) throw new Error(`${name} is not a plain colour: ${value}`)
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
}

function luminance(channels: number[]): number {
  const [red = 0, green = 0, blue = 0] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

function contrast(tokens: Map<string, string>, text: string, ground: string): number {
  const [high = 0, low = 0] = [luminance(colour(tokens, text)), luminance(colour(tokens, ground))].sort((a, b) => b - a)
  return (high + 0.05) / (low + 0.05)
}

const grounds = ['--ground', '--surface']
const pairs: [string, string][] = [
  ...grounds.flatMap((ground): [string, string][] =>
    ['--text', '--text-soft', '--link', '--price', '--danger', '--gold-text'].map((text) => [text, ground]),
  ),
  ['--text-soft', '--surface-sunk'],
  ['--on-primary', '--primary'],
  ['--on-gold', '--gold'],
  ['--on-live', '--live'],
  ['--gold-text', '--gold-tint'],
  ['--link', '--primary-tint'],
  ['--danger', '--danger-tint'],
]

it.each([
  ['on rice paper', light],
  ['in the dark room', dark],
])('every text stands out by 4.5 to 1 %s', (_where, tokens) => {
  const weak = pairs
    .map(([text, ground]) => ({ pair: `${text} on ${ground}`, ratio: contrast(tokens, text, ground) }))
    .filter(({ ratio }) => ratio < 4.5)
  expect(weak).toEqual([])
})
