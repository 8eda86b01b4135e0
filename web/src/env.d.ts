/// <reference types="vite/client" />
import 'vue-router'

declare module 'vue-router' {
  interface RouteMeta {
    /** Which tab of the bottom bar is lit. */
    tab?: 'home' | 'learn' | 'halls' | 'cart' | 'me'
    /** The page fills the screen: no bars around it. */
    bare?: boolean
    /** It says only the words that every page has (i18n/zh/index.ts), and does not wait for the others. */
    fewWords?: boolean
    /** Only for people who are signed in (or who have this role). */
    signedIn?: boolean
    role?: 'host' | 'operator'
    /** Key of the words in the browser's title. */
    title?: string
  }
}
