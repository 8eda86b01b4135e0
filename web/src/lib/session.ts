// Who is signed in (pinia): asked once at the start, changed by signing in and out.
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { accounts } from '@/api'
import { signInChanged } from '@/api/sign-in-changed'
import type { User } from '@/api/types'
import { recall, remember } from './storage'

const LAST = 'user'

export const useSession = defineStore('session', () => {
  const user = ref<User | null>(null)
  /** False until the server has answered once; a page shows neither "sign in" nor a name before. */
  const known = ref(false)
  let asking: Promise<void> | null = null
  /** Who was signed in here when the server last said so: whose downloads and progress these are without a network. */
  const lastId = ref(recall(LAST) || null)

  const isHost = computed(() => user.value?.roles.includes('host') ?? false)
  const isOperator = computed(() => user.value?.roles.includes('operator') ?? false)

  /** Resolves when it is known who is signed in; throws ApiError if the server can't be reached. */
  function ensure(): Promise<void> {
    if (known.value) return Promise.resolve()
    asking ??= accounts
      .session()
      .then((answer) => settle(answer.user))
      .finally(() => {
        asking = null
      })
    return asking
  }

  function settle(next: User | null): void {
    const changed = known.value && user.value?.id !== next?.id
    user.value = next
    known.value = true
    lastId.value = next?.id ?? null
    remember(LAST, next?.id ?? '')
    if (changed) signInChanged()
  }

  async function signIn(login: string, password: string): Promise<void> {
    settle((await accounts.signIn(login, password)).user)
  }

  async function register(draft: Parameters<typeof accounts.register>[0]): Promise<void> {
    settle((await accounts.register(draft)).user)
  }

  async function signOut(): Promise<void> {
    await accounts.signOut()
    settle(null)
  }

  /** Whether this browser is still signed in as this page believes: another page may have changed that. */
  function isCurrent(): boolean {
    const last = recall(LAST)
    return last === null || (last || null) === lastId.value
  }

  /** The server said `sign_in_required`: what we believed is out of date. */
  function forget(): void {
    settle(null)
  }

  return { user, known, lastId, isHost, isOperator, ensure, signIn, register, signOut, forget, isCurrent }
})
