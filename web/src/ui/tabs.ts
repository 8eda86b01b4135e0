// The five places of the page, in the order of the bars.
import { GraduationCap, House, ShoppingCart, Store, UserRound } from '@lucide/vue'

export const TABS = [
  { name: 'home', icon: House },
  { name: 'learn', icon: GraduationCap },
  { name: 'halls', icon: Store },
  { name: 'cart', icon: ShoppingCart },
  { name: 'me', icon: UserRound },
] as const
