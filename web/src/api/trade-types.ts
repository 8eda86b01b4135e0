// The shapes of server/PROTOCOL.md of what is sold: products, sales, orders, payments, addresses.
import type { RoomName } from './talk-types'
import type { Iso } from './wire-types'

export interface Product {
  id: string
  merchant_id: string
  merchant_name: string
  name: string
  description: string
  price_fen: number
  unit: string
  stock: number
  picture_url: string | null
  /** Of the newest inspection: a PDF or a picture. */
  report_url: string | null
  origin: string
  /** Sold no more, or not now; then there is no stock, except for its own host. */
  withdrawn: boolean
}

export interface ProductDraft {
  name: string
  description: string
  price_fen: number
  unit: string
  stock: number
  origin?: string
  picture_url?: string
  /** Empty: none any more. */
  report_url?: string
}

export interface ProductChange extends Partial<ProductDraft> {
  withdrawn?: boolean
  /** What the stock was when it was edited; a conflict if somebody bought meanwhile. */
  stock_was?: number
}

export interface Sale {
  id: string
  room_id: string
  product: Product
  price_fen: number
  quantity: number
  per_buyer: number
  hold_seconds: number
  state: 'open' | 'closed'
  available: number
  held: number
  sold: number
  /** Went back to the product at closing. */
  returned: number
  /** It was opened before `opens_at`, until which it takes no orders. */
  planned: boolean
  opens_at: Iso
  closes_at: Iso
}

export interface SaleDraft {
  product_id: string
  price_fen: number
  quantity: number
  per_buyer: number
  duration_seconds: number
  hold_seconds?: number
  starts_in_seconds?: number
}

export type OrderState = 'held' | 'paid' | 'paid_late' | 'shipped' | 'received' | 'cancelled' | 'expired' | 'refunding' | 'refunded' | ReturnState

/** An order on its way back; one that is written off is paid back and not sold again. */
export type ReturnState = 'return_asked' | 'return_refused' | 'return_agreed' | 'return_sent' | 'return_disputed' | 'written_off' | 'written_off_refunded'

export type PayWay = 'wechat' | 'alipay' | 'sandbox'

/** Where a buyer pays: `qr_url` is a picture of `payment_url`, to be scanned by the provider's app. */
export interface Checkout {
  provider: PayWay
  payment_url: string
  qr_url: string | null
}

export interface Order {
  id: string
  number: string
  state: OrderState
  merchant_id: string
  lines: OrderLine[]
  coupon_id: string | null
  discount_fen: number
  /** The sum of the lines without the discount. */
  total_fen: number
  created_at: Iso
  hold_until: Iso | null
  paid_at: Iso | null
  /** When a shipped order counts as received by itself. */
  receive_at: Iso | null
  delivery: Delivery | null
  shipment: Shipment | null
  sent_back: SentBack | null
  /** `by` null: older than this field. */
  history: { state: OrderState; at: Iso; by: 'buyer' | 'merchant' | 'operator' | 'clock' | 'provider' | null }[]
}

/** Why an order goes back, what the merchant says, the parcel; `until`: then somebody's turn is over. */
export interface SentBack {
  reason: string
  answer: string
  /** Where the merchant wants it; null: he has not said it. */
  back_to: Contact | null
  parcel: Shipment | null
  /** What the merchant says of that parcel, and an operator to both; empty: nothing. */
  dispute: string
  decision: string
  until: Iso | null
}

/** A parcel that did not come back, as its merchant says. */
export interface Dispute {
  order: Order
  merchant_name: string | null
}

/** So many pieces of one sale or product; names, pictures and prices are as they were. */
export interface OrderLine {
  product: Pick<Product, 'id' | 'name' | 'picture_url' | 'unit'>
  sale_id: string | null
  quantity: number
  price_fen: number
}

export interface OrderRequest {
  lines: ({ sale_id: string; quantity: number } | { product_id: string; quantity: number })[]
  request_id: string
  coupon_id?: string
  address_id?: string
  /** Goes with an address. */
  invoice_note?: string
}

/** So many pieces in a cart; the product is as it is now, `price_fen` as it was when its owner last said how many. */
export interface CartLine {
  product: Product
  quantity: number
  price_fen: number
}

export interface CartWish {
  product_id: string
  quantity: number
}

export interface Contact {
  name: string
  phone: string
  address: string
}

export interface Delivery extends Contact {
  invoice_note: string
}

export interface Shipment {
  carrier: string
  number: string
}

export interface Address extends Contact {
  id: string
  is_default: boolean
}

export interface AddressDraft extends Contact {
  is_default: boolean
}

export interface OrderQuery {
  state?: readonly OrderState[]
  /** The last order of the page before. */
  before?: string
}

/** What may change while a sale runs; orders that exist keep their terms. */
export interface SaleChange {
  price_fen?: number
  per_buyer?: number
  per_order?: number
  remaining_seconds?: number
  /** Pieces from the product's stock, or (negative) back to it. */
  more?: number
}

export interface OrderSums {
  placed: number
  held: number
  paid: number
  paid_fen: number
}

export interface SaleFigures {
  sale_id: string
  orders: OrderSums
  buyers: number
  most_viewers: number
  per_second: number
  bar_seconds: number
  /** Orders in each of these since the sale opened. */
  bars: number[]
}

/** A broadcast in numbers, with its newest sale. */
export interface Figures {
  stream_id: string
  orders: OrderSums
  viewers: { at: Iso; count: number }[]
  sale: SaleFigures | null
}

export type SaleFault = 'pots' | 'held' | 'sold'

/** The books of a sale, and what its orders say. */
export interface SaleAudit {
  sale_id: string
  room_id: string
  product_id: string
  room: RoomName | null
  product_name: string | null
  state: 'open' | 'closed'
  opens_at: Iso
  closes_at: Iso
  quantity: number
  available: number
  held: number
  sold: number
  returned: number
  held_by_orders: number
  sold_to_orders: number
  faults: SaleFault[]
  checked_at: Iso
}
