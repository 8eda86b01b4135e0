import { expect, it } from 'vitest'
import { filesOf, masterOfOne, readMaster, type Variant } from './playlists'

const BASE = '/files/public/assets/a1/2/master.m3u8'
const MASTER = `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="low",NAME="main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1",URI="sound-low/index.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="medium",NAME="main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="1",URI="sound-medium/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=120000,CODECS="avc1.42c00c,mp4a.40.2",RESOLUTION=256x144,FRAME-RATE=15.000,AUDIO="low"
144p/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS="avc1.42c01e,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=15.000,AUDIO="medium"
360p/index.m3u8
`

it('finds each rendition with the sound that belongs to it', () => {
  expect(readMaster(MASTER, BASE)).toEqual([
    { name: '144p', url: '/files/public/assets/a1/2/144p/index.m3u8', soundUrl: '/files/public/assets/a1/2/sound-low/index.m3u8' },
    { name: '360p', url: '/files/public/assets/a1/2/360p/index.m3u8', soundUrl: '/files/public/assets/a1/2/sound-medium/index.m3u8' },
  ])
})

it('offers one rendition and nothing that is not on the device', () => {
  const larger = readMaster(MASTER, BASE)[1] as Variant
  const one = masterOfOne(MASTER, BASE, larger)
  expect(readMaster(one, '/packs/x/master.m3u8')).toEqual([larger])
  expect(one).not.toContain('low')
  expect(one.startsWith('#EXTM3U\n#EXT-X-VERSION:7\n')).toBe(true)
})

it('keeps the header of a later chunk that was encoded otherwise', () => {
  const media = '#EXTM3U\n#EXT-X-MAP:URI="0000-init.mp4"\n#EXTINF:2,\n0000-0000.m4s\n#EXT-X-MAP:URI="0001-init.mp4"\n#EXTINF:2,\n0001-0000.m4s\n#EXT-X-ENDLIST\n'
  expect(filesOf(media, '/files/public/assets/a1/2/144p/index.m3u8')).toEqual(
    ['0000-init.mp4', '0000-0000.m4s', '0001-init.mp4', '0001-0000.m4s'].map((name) => `/files/public/assets/a1/2/144p/${name}`),
  )
})

it('finds nothing in what is no playlist', () => {
  expect(readMaster('<html>', BASE)).toEqual([])
  expect(readMaster('', BASE)).toEqual([])
  expect(filesOf('', BASE)).toEqual([])
})
