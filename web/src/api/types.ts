// The shapes of server/PROTOCOL.md, as the page sees them; changed in the same commit as that file.
export type * from './academy-types'
export type * from './hall-types'
export type * from './lesson-types'
export type * from './node-types'
export type * from './room-types'
export type * from './talk-types'
export type * from './trade-types'
export type * from './wire-types'

export interface User {
  id: string
  name: string
  display_name: string
  roles: ('viewer' | 'host' | 'operator')[]
}
