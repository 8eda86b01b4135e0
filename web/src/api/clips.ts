// HTTP calls of clips: watching them, and cutting them out of one's own replays.
import { http, type CallOptions } from './client'
import type { Clip, ClipDraft, Items, OwnClip } from './types'

const id = encodeURIComponent
const items = async <T>(answer: Promise<Items<T>>): Promise<T[]> => (await answer).items

export const clips = {
  get: (clipId: string, options?: CallOptions) => http.get<Clip>(`/api/clips/${id(clipId)}`, options),
  ofLesson: (lessonId: string, options?: CallOptions) => items(http.get<Items<Clip>>(`/api/lessons/${id(lessonId)}/clips`, options)),
  ofProduct: (productId: string, options?: CallOptions) => items(http.get<Items<Clip>>(`/api/products/${id(productId)}/clips`, options)),
  own: (lessonId: string, options?: CallOptions) => items(http.get<Items<OwnClip>>(`/api/my/lessons/${id(lessonId)}/clips`, options)),
  cut: (lessonId: string, draft: ClipDraft & { product_id: string | null }) => http.post<OwnClip>(`/api/my/lessons/${id(lessonId)}/clips`, draft),
  change: (clipId: string, draft: ClipDraft) => http.put<OwnClip>(`/api/my/clips/${id(clipId)}`, draft),
  cancel: (clipId: string) => http.post<OwnClip>(`/api/my/clips/${id(clipId)}/cancel`, {}),
  retry: (clipId: string) => http.post<OwnClip>(`/api/my/clips/${id(clipId)}/retry`, {}),
  remove: (clipId: string) => http.delete<null>(`/api/my/clips/${id(clipId)}`),
}
