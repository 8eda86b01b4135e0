// What shapes of every kind are made of.

export type Iso = string

export interface Items<T> {
  items: T[]
}
