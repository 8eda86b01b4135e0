// Every address of the page; each page is a chunk of its own, loaded when first visited.
import {
  createRouter,
  createWebHistory,
  type RouteLocationNormalized,
  type RouteLocationRaw,
  type Router,
  type RouteRecordRaw,
  type RouterHistory,
} from 'vue-router'
import { i18n, loadMoreWords } from './i18n'
import { useSession } from './lib/session'

const routes: RouteRecordRaw[] = [
  { path: '/', name: 'home', component: () => import('./features/home/HomePage.vue'), meta: { tab: 'home' } },
  {
    path: '/r/:slug',
    name: 'room',
    component: () => import('./features/room/RoomPage.vue'),
    props: true,
    meta: { bare: true, fewWords: true },
  },
  {
    path: '/studio',
    name: 'studio',
    component: () => import('./features/studio/StudioPage.vue'),
    meta: { bare: true, signedIn: true, role: 'host', title: 'studio.title' },
  },
  {
    path: '/learn',
    name: 'learn',
    component: () => import('./features/learn/LearnPage.vue'),
    meta: { tab: 'learn', title: 'learn.title' },
  },
  {
    path: '/courses/:id',
    name: 'course',
    component: () => import('./features/learn/CoursePage.vue'),
    props: true,
    meta: { tab: 'learn' },
  },
  {
    path: '/lessons/:id',
    name: 'lesson',
    component: () => import('./features/lesson/LessonPage.vue'),
    props: true,
    meta: { tab: 'learn' },
  },
  {
    path: '/clips/:id',
    name: 'clip',
    component: () => import('./features/clips/ClipPage.vue'),
    props: true,
    meta: { tab: 'learn' },
  },
  {
    path: '/certificates',
    name: 'certificates',
    component: () => import('./features/certificates/CertificatesPage.vue'),
    meta: { tab: 'me', signedIn: true, title: 'academy.certificate.mine' },
  },
  {
    path: '/certificates/:code',
    name: 'certificate',
    component: () => import('./features/certificates/CheckPage.vue'),
    props: true,
    meta: { tab: 'learn', title: 'academy.certificate.checkTitle' },
  },
  {
    path: '/questions',
    name: 'asked',
    component: () => import('./features/lesson/AskedPage.vue'),
    meta: { tab: 'me', signedIn: true, title: 'academy.ask.mine' },
  },
  {
    path: '/teach',
    name: 'teach',
    component: () => import('./features/teaching/TeachingPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'host', title: 'academy.teach.title' },
  },
  {
    path: '/teach/courses/:id',
    name: 'teach-course',
    component: () => import('./features/teaching/CourseEditPage.vue'),
    props: true,
    meta: { tab: 'me', signedIn: true, role: 'host', title: 'academy.teach.course' },
  },
  {
    path: '/teach/lessons/:id',
    name: 'teach-lesson',
    component: () => import('./features/teaching/LessonEditPage.vue'),
    props: true,
    meta: { tab: 'me', signedIn: true, role: 'host', title: 'academy.teach.lesson' },
  },
  {
    path: '/downloads',
    name: 'downloads',
    component: () => import('./features/offline/DownloadsPage.vue'),
    meta: { tab: 'learn', title: 'offline.title' },
  },
  {
    path: '/halls',
    name: 'halls',
    component: () => import('./features/halls/HallsPage.vue'),
    meta: { tab: 'halls', title: 'halls.title' },
  },
  {
    path: '/halls/:id',
    name: 'hall',
    component: () => import('./features/halls/HallPage.vue'),
    props: true,
    meta: { tab: 'halls' },
  },
  {
    path: '/products/:id',
    name: 'product',
    component: () => import('./features/products/ProductPage.vue'),
    props: true,
    meta: { tab: 'halls', title: 'products.one' },
  },
  {
    path: '/cart',
    name: 'cart',
    component: () => import('./features/cart/CartPage.vue'),
    meta: { tab: 'cart', title: 'cart.title' },
  },
  {
    path: '/draws/:id',
    name: 'draw',
    component: () => import('./features/draws/DrawPage.vue'),
    props: true,
    meta: { tab: 'me', title: 'draws.title' },
  },
  {
    path: '/sign-in',
    name: 'sign-in',
    component: () => import('./features/account/SignInPage.vue'),
    meta: { tab: 'me', title: 'account.signIn.title' },
  },
  {
    path: '/me',
    name: 'me',
    component: () => import('./features/account/MePage.vue'),
    meta: { tab: 'me', title: 'common.nav.me' },
  },
  {
    path: '/orders',
    name: 'orders',
    component: () => import('./features/orders/OrdersPage.vue'),
    meta: { tab: 'me', signedIn: true, title: 'orders.title' },
  },
  {
    path: '/orders/:id',
    name: 'order',
    component: () => import('./features/orders/OrderPage.vue'),
    props: true,
    meta: { tab: 'me', signedIn: true, title: 'orders.one' },
  },
  {
    path: '/addresses',
    name: 'addresses',
    component: () => import('./features/buying/AddressesPage.vue'),
    meta: { tab: 'me', signedIn: true, title: 'own.addresses.title' },
  },
  {
    path: '/coupons',
    name: 'coupons',
    component: () => import('./features/buying/CouponsPage.vue'),
    meta: { tab: 'me', signedIn: true, title: 'own.coupons.title' },
  },
  {
    path: '/studio/orders',
    name: 'shop-orders',
    component: () => import('./features/shop/ShopOrdersPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'host', title: 'orders.shop.title' },
  },
  {
    path: '/studio/booth',
    name: 'own-booth',
    component: () => import('./features/shop/BoothPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'host', title: 'halls.own.title' },
  },
  {
    path: '/operator/halls',
    name: 'hall-desk',
    component: () => import('./features/halls/HallsDeskPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'operator', title: 'halls.desk.title' },
  },
  {
    path: '/operator/halls/:id',
    name: 'hall-editor',
    component: () => import('./features/halls/HallEditorPage.vue'),
    props: true,
    meta: { tab: 'me', signedIn: true, role: 'operator', title: 'halls.desk.change' },
  },
  {
    path: '/operator/nodes',
    name: 'nodes',
    component: () => import('./features/operators/NodesPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'operator', title: 'operators.nodes.title' },
  },
  {
    path: '/operator/sales',
    name: 'books',
    component: () => import('./features/operators/BooksPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'operator', title: 'operators.books.title' },
  },
  {
    path: '/operator/disputes',
    name: 'disputes',
    component: () => import('./features/operators/DisputesPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'operator', title: 'operators.disputes.title' },
  },
  {
    path: '/operator/sanctions',
    name: 'sanctions',
    component: () => import('./features/operators/SanctionsPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'operator', title: 'operators.sanctions.title' },
  },
  {
    path: '/operator/words',
    name: 'words',
    component: () => import('./features/operators/WordsPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'operator', title: 'operators.words.title' },
  },
  {
    path: '/operator/log',
    name: 'log',
    component: () => import('./features/operators/LogPage.vue'),
    meta: { tab: 'me', signedIn: true, role: 'operator', title: 'operators.log.title' },
  },
  { path: '/:rest(.*)*', name: 'not-found', component: () => import('./features/errors/NotFoundPage.vue') },
]

/** Only addresses of this page: a link must not send people elsewhere after signing in. */
export function safeReturn(next: unknown): string {
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/'
}

export async function mayEnter(to: Pick<RouteLocationNormalized, 'meta' | 'fullPath'>): Promise<true | RouteLocationRaw> {
  if (!to.meta.signedIn) return true
  const session = useSession()
  try {
    await session.ensure()
  } catch {
    return true // the page itself shows that the server is away, and offers to try again
  }
  if (!session.user) return { name: 'sign-in', query: { next: to.fullPath } }
  if (to.meta.role && !session.user.roles.includes(to.meta.role)) return { name: 'me' }
  return true
}

export function makeRouter(history: RouterHistory = createWebHistory()): Router {
  const router = createRouter({
    history,
    routes,
    scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? {} : { top: 0 }),
  })
  router.beforeEach((to) => {
    if (!to.meta.fewWords) loadMoreWords().catch(() => undefined) // while the page's chunk is on its way
    return mayEnter(to)
  })
  router.beforeResolve((to) => (to.meta.fewWords ? undefined : loadMoreWords()))
  router.afterEach((to) => setTitle(to.meta.title ? i18n.global.t(to.meta.title) : ''))
  return router
}

/** Pages whose title is known only after loading (a lesson, a room) call this themselves. */
export function setTitle(title: string): void {
  const brand = i18n.global.t('common.brand')
  document.title = title ? `${title} · ${brand}` : brand
}
