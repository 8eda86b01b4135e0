// What makes a form acceptable, checked before it is sent; the server checks again.

const NAME = /^[a-z][a-z0-9_-]{2,31}$/
const CHINESE_MOBILE = /^1[3-9]\d{9}$/
const PASSWORD_AT_LEAST = 8
const DISPLAY_NAME_AT_MOST = 24

export const normalPhone = (text: string): string => text.replace(/[\s\-()]/g, '').replace(/^(\+86|0086)/, '')
export const normalName = (text: string): string => text.trim().toLowerCase()

export interface RegisterForm {
  displayName: string
  phone: string
  name: string
  password: string
  byName: boolean
}

export type Problems<Form> = Partial<Record<keyof Form, string>>

/** Keys of the words to show, by field. */
export function registerProblems(form: RegisterForm): Problems<RegisterForm> {
  const problems: Problems<RegisterForm> = {}
  const called = form.displayName.trim()
  if (called.length === 0 || called.length > DISPLAY_NAME_AT_MOST) problems.displayName = 'account.register.displayNameWrong'
  if (form.byName && !NAME.test(normalName(form.name))) problems.name = 'account.register.nameWrong'
  if (!form.byName && !CHINESE_MOBILE.test(normalPhone(form.phone))) problems.phone = 'account.register.phoneWrong'
  if (form.password.length < PASSWORD_AT_LEAST) problems.password = 'account.register.passwordShort'
  return problems
}

/** People who register by phone never see their sign-in name; it says nothing about them. */
export function inventedName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8))
  return `u${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`
}
