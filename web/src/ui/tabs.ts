// The four places of the page, in the order of the bars.
import { GraduationCap, House, Store, UserRound } from '@lucide/vue'

export const TABS = [
  { name: 'home', icon: House },
  { name: 'learn', icon: GraduationCap },
  { name: 'halls', icon: Store },
  { name: 'me', icon: UserRound },
] as const
