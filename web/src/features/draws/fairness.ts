// Checks a lucky draw with nothing but what everybody can read: the rules are in server/PROTOCOL.md ("To check a draw").
import type { CheckableDraw } from '@/api/types'

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Which tickets win by the rules, first prize first. */
export async function winningTickets(seed: string, tickets: readonly string[], places: number): Promise<string[]> {
  const sorted = [...new Set(tickets)].sort()
  const entries = await hash(sorted.join('\n'))
  const scored = await Promise.all(sorted.map(async (ticket) => ({ ticket, score: await hash(`${seed}:${entries}:${ticket}`) })))
  scored.sort((a, b) => (a.score < b.score ? -1 : a.score > b.score ? 1 : 0))
  return scored.slice(0, places).map(({ ticket }) => ticket)
}

export interface Fairness {
  /** The seed is the one that was promised when the draw opened. */
  promised: boolean
  /** The tickets are those that the draw was made with. */
  complete: boolean
  /** Who won is who must win. */
  right: boolean
}

export async function checkDraw(draw: CheckableDraw): Promise<Fairness | null> {
  if (draw.state !== 'drawn' || draw.seed === null) return null
  const won = await winningTickets(draw.seed, draw.tickets, draw.places)
  return {
    promised: (await hash(draw.seed)) === draw.commitment,
    complete: (await hash([...draw.tickets].sort().join('\n'))) === draw.entries,
    right: won.join() === draw.winners.map((winner) => winner.ticket).join(),
  }
}
