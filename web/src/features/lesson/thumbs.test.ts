// @vitest-environment happy-dom
import { expect, it } from 'vitest'
import { readThumbs, thumbAt } from './thumbs'

const TEXT = `WEBVTT

00:00:00.000 --> 00:00:02.000
thumbs-0000.webp#xywh=0,0,160,90

00:00:02.000 --> 01:00:04.500
thumbs-0001.webp#xywh=160,90,160,90
`

it('finds the picture of a moment on its sheet', () => {
  const thumbs = readThumbs(TEXT, '/files/public/assets/a/1/thumbs.vtt')
  expect(thumbAt(thumbs, 1_999)?.url).toMatch(/\/files\/public\/assets\/a\/1\/thumbs-0000\.webp$/)
  expect(thumbAt(thumbs, 2_000)).toMatchObject({ x: 160, y: 90, width: 160, height: 90, endMs: 3_604_500 })
  expect(thumbAt(thumbs, 3_604_500)).toBeNull()
})

it('leaves out what it does not understand, and addresses elsewhere', () => {
  expect(readThumbs('WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nhttps://elsewhere.example/x.webp#xywh=0,0,1,1\n', '/x')).toEqual([])
  expect(readThumbs('', '/x')).toEqual([])
})
