// One id per intention: a press that got no answer is sent again under the same id and can't buy twice.
import type { ApiError } from '@/api/errors'
import { randomId } from '@/lib/random-id'

/** No clear answer came: the order may exist, so the next press must carry the same id. */
function mayHaveArrived({ code }: ApiError): boolean {
  return code === 'offline' || code === 'timeout' || code === 'unavailable' || code === 'internal'
}

export function useIntentions() {
  const ids = new Map<string, string>()
  return {
    idOf(intention: string): string {
      const id = ids.get(intention) ?? randomId()
      ids.set(intention, id)
      return id
    },
    settle(intention: string): void {
      ids.delete(intention)
    },
    failed(intention: string, error: ApiError): void {
      if (!mayHaveArrived(error)) ids.delete(intention)
    },
    has: (id: string) => [...ids.values()].includes(id),
  }
}
