// Every HTTP call of PROTOCOL.md, typed; pages call these and nothing else.
import { http, withQuery, type CallOptions } from './client'
import type {
  Address,
  AddressDraft,
  Announcement,
  Audience,
  CartLine,
  CartWish,
  ChatRules,
  CheckableDraw,
  Checkout,
  Contact,
  Coupon,
  Course,
  CourseWithLessons,
  Delivery,
  Dispute,
  Figures,
  Fill,
  ForbiddenWord,
  Hall,
  HallDraft,
  HallSummary,
  Helper,
  HostRoom,
  Interval,
  Items,
  Lesson,
  LessonProgress,
  LessonSummary,
  LogEntry,
  Merchant,
  ModerationDesk,
  NodeBoard,
  Order,
  OrderQuery,
  OrderRequest,
  Panorama,
  PayWay,
  PlatformLogEntry,
  Product,
  ProductChange,
  ProductDraft,
  Room,
  RoomSummary,
  Sale,
  SaleAudit,
  SaleChange,
  SaleDraft,
  Sanction,
  SanctionKind,
  Shipment,
  ShownCard,
  Stream,
  User,
} from './types'

const id = encodeURIComponent
const items = async <T>(answer: Promise<Items<T>>): Promise<T[]> => (await answer).items
const UPLOAD_TIMEOUT_MS = 30 * 60_000

export const accounts = {
  session: (options?: CallOptions) => http.get<{ user: User | null }>('/api/session', options),
  signIn: (login: string, password: string) => http.post<{ user: User }>('/api/session', { login, password }),
  signOut: () => http.delete<null>('/api/session'),
  register: (draft: { name: string; password: string; display_name: string; phone?: string }) =>
    http.post<{ user: User }>('/api/accounts', draft),
}

export const rooms = {
  list: (options?: CallOptions) => items(http.get<Items<RoomSummary>>('/api/rooms', options)),
  /** Who is live first. */
  ofMerchant: (merchant_id: string, options?: CallOptions) =>
    items(http.get<Items<RoomSummary>>(withQuery('/api/rooms', { merchant_id }), options)),
  get: (slug: string, options?: CallOptions) => http.get<Room>(`/api/rooms/${id(slug)}`, options),
  mine: (options?: CallOptions) => http.get<HostRoom>('/api/my/room', options),
  change: (change: { title?: string; scheduled_at?: string | null }) => http.patch<HostRoom>('/api/my/room', change),
  newStreamKey: () => http.post<HostRoom>('/api/my/room/stream-key'),
  end: () => http.post<{ stream: Stream }>('/api/my/room/end'),
  /** null while nothing is on. */
  audience: async (options?: CallOptions) =>
    (await http.get<{ audience: Audience | null }>('/api/my/room/audience', options)).audience,
  /** Timed by the caller; the server throws the bytes away. */
  checkUpload: (body: Blob, options?: CallOptions) => http.upload<null>('/api/my/room/upload-check', body, options),
}

const roomPath = (slug: string, rest: string) => `/api/rooms/${id(slug)}/${rest}`

export const follows = {
  follow: (slug: string) => http.put<{ following: boolean; followers: number }>(roomPath(slug, 'follow')),
  unfollow: (slug: string) => http.delete<{ following: boolean; followers: number }>(roomPath(slug, 'follow')),
}

export const moderation = {
  desk: (slug: string, options?: CallOptions) => http.get<ModerationDesk>(roomPath(slug, 'moderation'), options),
  setRules: (slug: string, change: Partial<ChatRules>) =>
    http.patch<{ rules: ChatRules }>(roomPath(slug, 'moderation/rules'), change),
  setWords: (slug: string, words: ForbiddenWord[]) =>
    http.put<{ words: ForbiddenWord[] }>(roomPath(slug, 'moderation/words'), { words }),
  nameHelper: (slug: string, who: { name: string } | { user_id: string }) =>
    http.post<Helper>(roomPath(slug, 'moderation/helpers'), who),
  dropHelper: (slug: string, userId: string) => http.delete<null>(roomPath(slug, `moderation/helpers/${id(userId)}`)),
  log: (slug: string, before = '', options?: CallOptions) =>
    items(http.get<Items<LogEntry>>(withQuery(roomPath(slug, 'moderation/log'), { before }), options)),
  announce: (slug: string, text: string | null) =>
    http.put<{ announcement: Announcement | null }>(roomPath(slug, 'announcement'), { text }),
}

export const coupons = {
  mine: (options?: CallOptions) => items(http.get<Items<Coupon>>('/api/coupons', options)),
}

export const draws = {
  check: (drawId: string, options?: CallOptions) => http.get<CheckableDraw>(`/api/draws/${id(drawId)}`, options),
}

export const operators = {
  nodes: (options?: CallOptions) => http.get<NodeBoard>('/api/operators/nodes', options),
  /** Those with faults first. */
  sales: (options?: CallOptions) => items(http.get<Items<SaleAudit>>('/api/operators/sales', options)),
  /** What has waited longest first. */
  disputes: (options?: CallOptions) => items(http.get<Items<Dispute>>('/api/operators/disputes', options)),
  decide: (orderId: string, in_favour_of: 'buyer' | 'merchant', decision: string) =>
    http.post<Order>(`/api/operators/disputes/${id(orderId)}`, { in_favour_of, decision }),
  sanctions: (options?: CallOptions) => items(http.get<Items<Sanction>>('/api/operators/sanctions', options)),
  lift: (kind: SanctionKind, userId: string) => http.delete<null>(`/api/operators/sanctions/${kind}/${id(userId)}`),
  words: async (options?: CallOptions) => (await http.get<{ words: ForbiddenWord[] }>('/api/operators/words', options)).words,
  setWords: async (words: ForbiddenWord[]) => (await http.put<{ words: ForbiddenWord[] }>('/api/operators/words', { words })).words,
  log: (before = '', options?: CallOptions) =>
    items(http.get<Items<PlatformLogEntry>>(withQuery('/api/operators/moderation-log', { before }), options)),
}

export const products = {
  list: (query: { merchant_id?: string; q?: string } = {}, options?: CallOptions) =>
    items(http.get<Items<Product>>(withQuery('/api/products', query), options)),
  /** Those that there are of these, in this order. */
  some: (ids: readonly string[], options?: CallOptions) =>
    items(http.get<Items<Product>>(withQuery('/api/products', { ids: ids.join(',') }), options)),
  get: (productId: string, options?: CallOptions) => http.get<Product>(`/api/products/${id(productId)}`, options),
  mine: (options?: CallOptions) => items(http.get<Items<Product>>('/api/my/products', options)),
  create: (draft: ProductDraft) => http.post<Product>('/api/my/products', draft),
  change: (productId: string, change: ProductChange) =>
    http.patch<Product>(`/api/my/products/${id(productId)}`, change),
  uploadPicture: (picture: Blob) =>
    http.upload<{ picture_url: string }>('/api/pictures', picture, { timeoutMs: UPLOAD_TIMEOUT_MS }),
  uploadReport: (report: Blob) =>
    http.upload<{ report_url: string }>('/api/reports', report, { timeoutMs: UPLOAD_TIMEOUT_MS }),
}

export const sales = {
  open: (draft: SaleDraft) => http.post<Sale>('/api/my/room/sales', draft),
  change: (saleId: string, change: SaleChange) => http.patch<Sale>(`/api/sales/${id(saleId)}`, change),
  close: (saleId: string) => http.post<Sale>(`/api/sales/${id(saleId)}/close`),
  get: (saleId: string, options?: CallOptions) => http.get<Sale>(`/api/sales/${id(saleId)}`, options),
  /** Of the broadcast that is on, or was the last. */
  figures: (options?: CallOptions) => http.get<Figures>('/api/my/room/figures', options),
}

const query = ({ state, before }: OrderQuery) => ({ state: state?.join(','), before })
const orderPath = (orderId: string, rest = '') => `/api/orders/${id(orderId)}${rest}`
const soldPath = (orderId: string, rest = '') => `/api/my/room/orders/${id(orderId)}${rest}`

/** At most this many orders come at once. */
export const ORDERS_AT_ONCE = 50

export const orders = {
  place: (request: OrderRequest) => http.post<Order>('/api/orders', request),
  list: (which: OrderQuery = {}, options?: CallOptions) =>
    items(http.get<Items<Order>>(withQuery('/api/orders', query(which)), options)),
  get: (orderId: string, options?: CallOptions) => http.get<Order>(orderPath(orderId), options),
  /** `way` null: the usual one. */
  pay: (orderId: string, way: PayWay | null) =>
    http.post<Checkout>(orderPath(orderId, '/pay'), way ? { provider: way } : undefined),
  cancel: (orderId: string) => http.post<Order>(orderPath(orderId, '/cancel')),
  deliverTo: (orderId: string, delivery: Delivery) => http.put<Order>(orderPath(orderId, '/delivery'), delivery),
  receive: (orderId: string) => http.post<Order>(orderPath(orderId, '/receive')),
  refund: (orderId: string) => http.post<Order>(orderPath(orderId, '/refund')),
  askReturn: (orderId: string, reason: string) => http.post<Order>(orderPath(orderId, '/return'), { reason }),
  withdrawReturn: (orderId: string) => http.post<Order>(orderPath(orderId, '/return/withdraw')),
  sendBack: (orderId: string, parcel: Shipment) => http.post<Order>(orderPath(orderId, '/return/parcel'), parcel),
}

/** Orders of the merchant whom the host sells for. */
export const soldOrders = {
  list: (which: OrderQuery = {}, options?: CallOptions) =>
    items(http.get<Items<Order>>(withQuery('/api/my/room/orders', query(which)), options)),
  ship: (orderId: string, shipment: Shipment) => http.post<Order>(soldPath(orderId, '/ship'), shipment),
  refund: (orderId: string) => http.post<Order>(soldPath(orderId, '/refund')),
  agreeToReturn: (orderId: string, { name, phone, address }: Contact) => http.post<Order>(soldPath(orderId, '/return/agree'), { name, phone, address }),
  refuseReturn: (orderId: string, answer: string) => http.post<Order>(soldPath(orderId, '/return/refuse'), { answer }),
  disputeReturn: (orderId: string, reason: string) => http.post<Order>(soldPath(orderId, '/return/dispute'), { reason }),
  returnArrived: (orderId: string, restock: boolean) => http.post<Order>(soldPath(orderId, '/return/arrived'), { restock }),
}

/** Each answers how all of one's addresses are now, the default first. */
export const addresses = {
  list: (options?: CallOptions) => items(http.get<Items<Address>>('/api/addresses', options)),
  add: (draft: AddressDraft) => items(http.post<Items<Address>>('/api/addresses', draft)),
  change: (addressId: string, draft: AddressDraft) =>
    items(http.put<Items<Address>>(`/api/addresses/${id(addressId)}`, draft)),
  remove: (addressId: string) => items(http.delete<Items<Address>>(`/api/addresses/${id(addressId)}`)),
}

/** Each answers how all of one's cart is now, the newest first. */
export const carts = {
  mine: (options?: CallOptions) => items(http.get<Items<CartLine>>('/api/cart', options)),
  /** 0 takes one out. */
  put: (lines: readonly CartWish[]) => items(http.put<Items<CartLine>>('/api/cart', { lines })),
  /** What was chosen before signing in. */
  bring: (lines: readonly (CartWish & { price_fen: number })[]) => items(http.post<Items<CartLine>>('/api/cart', { lines })),
}

export const payments = {
  ways: async (options?: CallOptions) =>
    (await items(http.get<Items<{ provider: PayWay }>>('/api/payments', options))).map(({ provider }) => provider),
}

export const courses = {
  list: (options?: CallOptions) => items(http.get<Items<Course>>('/api/courses', options)),
  get: (courseId: string, options?: CallOptions) =>
    http.get<CourseWithLessons>(`/api/courses/${id(courseId)}`, options),
}

export const lessons = {
  list: (options?: CallOptions) => items(http.get<Items<LessonSummary>>('/api/lessons', options)),
  get: (lessonId: string, options?: CallOptions) => http.get<Lesson>(`/api/lessons/${id(lessonId)}`, options),
  /** `learner_id`: the server takes it for nobody else, whoever has signed in by then. `position_ms` null: he is elsewhere by now. `inserts`: so many had what was watched. */
  reportProgress: (lessonId: string, report: { learner_id: string; position_ms: number | null; intervals: Interval[]; inserts?: number | undefined }, options?: CallOptions) =>
    http.put<LessonProgress>(`/api/lessons/${id(lessonId)}/progress`, report, options),
  ofStream: (streamId: string, options?: CallOptions) =>
    http.get<{ lesson_id: string }>(`/api/streams/${id(streamId)}/replay`, options),
  cancel: (lessonId: string) => http.post<Lesson>(`/api/my/lessons/${id(lessonId)}/cancel`, {}),
  retry: (lessonId: string) => http.post<Lesson>(`/api/my/lessons/${id(lessonId)}/retry`, {}),
}

/** What was shown in a broadcast, for who goes back in it. */
export const streams = {
  cards: (streamId: string, options?: CallOptions) => items(http.get<Items<ShownCard>>(`/api/streams/${id(streamId)}/cards`, options)),
  sales: (streamId: string, options?: CallOptions) => items(http.get<Items<Sale>>(`/api/streams/${id(streamId)}/sales`, options)),
}

export const fills = {
  look: (streamId: string, options?: CallOptions) => http.get<Fill>(`/api/my/streams/${id(streamId)}/fill`, options),
  put: (streamId: string, startedMs: number, durationMs: number, video: Blob, options?: CallOptions) =>
    http.send<null>(
      'PUT',
      withQuery(`/api/my/streams/${id(streamId)}/fill/files`, { started_ms: String(startedMs), duration_ms: String(durationMs) }),
      video,
      { timeoutMs: UPLOAD_TIMEOUT_MS, ...options },
    ),
  begin: (streamId: string) => http.post<Fill>(`/api/my/streams/${id(streamId)}/fill`, {}),
}

export * from './academy'
export * from './clips'

export const halls = {
  /** For operators also those that are not open. */
  list: (options?: CallOptions) => items(http.get<Items<HallSummary>>('/api/halls', options)),
  get: (hallId: string, options?: CallOptions) => http.get<Hall>(`/api/halls/${id(hallId)}`, options),
  build: (draft: HallDraft) => http.post<HallSummary>('/api/halls', draft),
  rebuild: (hallId: string, draft: HallDraft, version: number) =>
    http.put<HallSummary>(`/api/halls/${id(hallId)}`, { ...draft, version }),
  tearDown: (hallId: string) => http.delete<null>(`/api/halls/${id(hallId)}`),
  panoramas: (options?: CallOptions) => items(http.get<Items<Panorama>>('/api/panoramas', options)),
  removePanorama: (panoramaId: string) => http.delete<null>(`/api/panoramas/${id(panoramaId)}`),
  addPanorama: (picture: Blob, title: string) =>
    http.upload<Panorama>(withQuery('/api/panoramas', { title }), picture, { timeoutMs: UPLOAD_TIMEOUT_MS }),
}

export const merchants = {
  find: (q: string, options?: CallOptions) => items(http.get<Items<Merchant>>(withQuery('/api/merchants', { q }), options)),
  get: (merchantId: string, options?: CallOptions) => http.get<Merchant>(`/api/merchants/${id(merchantId)}`, options),
  /** Whom the host sells for. */
  mine: (options?: CallOptions) => http.get<Merchant>('/api/my/merchant', options),
  describe: (summary: string) => http.patch<Merchant>('/api/my/merchant', { summary }),
}
