// The list of chat lines that a page keeps: no doubles, never longer than the cap, oldest first.
import type { ChatMessage } from '@/api/types'

/** A phone shows six lines and scrolls back a little; a longer list only costs memory and layout time. */
export const CHAT_CAP = 60

export function withMessages(
  lines: readonly ChatMessage[],
  incoming: readonly ChatMessage[],
  cap = CHAT_CAP,
): readonly ChatMessage[] {
  // The ack of an own message and its broadcast bring the same line twice, close to each other.
  const recent = new Set(lines.slice(-cap).map((line) => line.id))
  const fresh = incoming.filter((line) => !recent.has(line.id) && recent.add(line.id))
  if (fresh.length === 0) return lines
  return [...lines, ...fresh].slice(-cap)
}

/** Without what one person said. */
export function withoutAuthor(lines: readonly ChatMessage[], authorId: string): readonly ChatMessage[] {
  const left = lines.filter((line) => line.author_id !== authorId)
  return left.length === lines.length ? lines : left
}

export function withoutMessage(lines: readonly ChatMessage[], id: string): readonly ChatMessage[] {
  const left = lines.filter((line) => line.id !== id)
  return left.length === lines.length ? lines : left
}

/** So much of what was taken away is remembered; what was said before that has long been told. */
const REMEMBERED = 200

/** What staff took away lately: another server may have gathered it already, and tell it a moment later. */
export class TakenAway {
  private readonly ids = new Set<string>()
  private readonly authors = new Map<string, number>()

  noteMessage(id: string): void {
    this.ids.add(id)
    forgetOldest(this.ids)
  }

  /** All that somebody said until a moment is gone. */
  noteAuthor(authorId: string, at: string): void {
    this.authors.delete(authorId)
    this.authors.set(authorId, Date.parse(at))
    forgetOldest(this.authors)
  }

  /** Those of some messages that are not taken away. */
  leftOf(messages: readonly ChatMessage[]): readonly ChatMessage[] {
    return messages.filter(
      (message) => !this.ids.has(message.id) && !(Date.parse(message.at) <= (this.authors.get(message.author_id) ?? 0)),
    )
  }
}

function forgetOldest(kept: Set<string> | Map<string, number>): void {
  const [oldest] = kept.keys()
  if (kept.size > REMEMBERED && oldest !== undefined) kept.delete(oldest)
}
