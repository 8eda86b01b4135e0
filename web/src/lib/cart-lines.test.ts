// What is in a cart.
import { expect, test } from 'vitest'
import type { CartLine, Product } from '@/api/types'
import { byFarmer, dearer, guestText, orderable, readGuestText, shownLines, withQuantity } from './cart-lines'

function make(id: string, change: Partial<Product> = {}): Product {
  const words = { name: id, description: '', unit: 'box', origin: '', picture_url: null, report_url: null, withdrawn: false }
  return { id, merchant_id: 'zhang', merchant_name: 'Zhang', price_fen: 3990, stock: 10, ...words, ...change }
}

function line(id: string, quantity = 1, change: Partial<Product> = {}): CartLine {
  return { product: make(id, change), quantity, price_fen: 3990 }
}

const held = (lines: CartLine[]) => lines.map(({ product, quantity }) => [product.id, quantity])

test('things of one farmer stand together, in the order in which their newest came', () => {
  const lines = [line('tea', 1, { merchant_id: 'liu', merchant_name: 'Liu' }), line('oranges'), line('fish', 2, { merchant_id: 'liu' })]
  const farms = byFarmer(lines)
  expect(farms.map(({ name }) => name)).toEqual(['Liu', 'Zhang'])
  expect(farms.map((farm) => held(farm.lines))).toEqual([[['tea', 1], ['fish', 2]], [['oranges', 1]]])
})

test('no more can be ordered than there is', () => {
  expect(orderable(line('a', 3, { stock: 2 }))).toBe(2)
  expect(orderable(line('a', 3, { stock: 0 }))).toBe(0)
  expect(orderable(line('a', 3))).toBe(3)
})

test('a change of price shows in both directions', () => {
  expect(dearer(line('a', 1, { price_fen: 4500 }))).toBe(510)
  expect(dearer(line('a', 1, { price_fen: 3500 }))).toBe(-490)
  expect(dearer(line('a'))).toBe(0)
})

test('a new thing comes first, a known one keeps its place, none takes it out', () => {
  const lines = [line('a'), line('b')]
  expect(held(withQuantity(lines, make('c'), 2))).toEqual([['c', 2], ['a', 1], ['b', 1]])
  expect(held(withQuantity(lines, make('b'), 5))).toEqual([['a', 1], ['b', 5]])
  expect(held(withQuantity(lines, make('a'), 0))).toEqual([['b', 1]])
  expect(withQuantity(lines, make('b', { price_fen: 100 }), 1)[1]?.price_fen).toBe(100)
})

test('what a browser kept for a guest comes back with the products of today', () => {
  const kept = readGuestText(guestText([line('a', 2), line('gone')]))
  const today = make('a', { price_fen: 4200 })
  expect(shownLines(kept, [today])).toEqual([{ product: today, quantity: 2, price_fen: 3990 }])
})

test.each([[null], [''], ['{'], ['{}'], ['[1, null, {}]'], ['[{"product_id":"a","quantity":0,"price_fen":1}]'], ['[{"product_id":"a","quantity":1.5,"price_fen":1}]']])(
  'what makes no sense in a browser is an empty cart: %s',
  (text) => expect(readGuestText(text)).toEqual([]),
)
