// What is missing before a parcel can be sent somewhere. The server decides; this spares a way there and back. Pure.
import type { Contact } from '@/api/types'

const MOBILE = /^1[3-9]\d{9}$/

export function contactProblems(contact: Contact): Set<keyof Contact> {
  const problems = new Set<keyof Contact>()
  const digits = contact.phone.replace(/[\s\-()]/g, '').replace(/^(\+86|0086)/, '')
  if (contact.name.trim() === '') problems.add('name')
  if (!MOBILE.test(digits)) problems.add('phone')
  if (contact.address.trim().length < 5) problems.add('address')
  return problems
}

/** 13800138000 -> "138 0013 8000", as people say it. */
export function spokenPhone(phone: string): string {
  return phone.replace(/^(\d{3})(\d{4})(\d{4})$/, '$1 $2 $3')
}

/** Everything that a parcel's label needs, to be copied. */
export function labelText(contact: Contact): string {
  return `${contact.name} ${contact.phone} ${contact.address}`
}
