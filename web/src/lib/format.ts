// How money, sizes, lengths and numbers read; words around them come from i18n.

/** 1990 -> "19.90"; whole yuan lose their zeros: 2000 -> "20". */
export function yuan(fen: number): string {
  const whole = Math.trunc(fen / 100)
  const rest = Math.abs(fen % 100)
  return rest === 0 ? String(whole) : `${whole}.${String(rest).padStart(2, '0')}`
}

/** 754_000 -> "12:34", 3_754_000 -> "1:02:34". */
export function clockLength(ms: number): string {
  const total = Math.max(0, Math.floor(ms / 1000))
  const seconds = String(total % 60).padStart(2, '0')
  const minutes = Math.floor(total / 60) % 60
  const hours = Math.floor(total / 3600)
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`
}

/** What is left of a time, rounded up: it says 0:00 only when nothing is left, and so in all places. */
export function timeLeft(ms: number): string {
  return clockLength(Math.ceil(ms / 1000) * 1000)
}

/** 12_582_912 -> "12.6 MB": decimal units, as mobile plans count them. */
export function dataSize(bytes: number): string {
  if (bytes < 1_000_000) return `${Math.max(1, Math.round(bytes / 1000))} KB`
  const mega = bytes / 1_000_000
  if (mega < 1000) return `${mega < 10 ? mega.toFixed(1) : Math.round(mega)} MB`
  return `${(mega / 1000).toFixed(1)} GB`
}

/** 12345 -> "12K" in English, counted in ten-thousands in Chinese. */
export function count(value: number, locale: string): string {
  return new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 }).format(value)
}

/** "Today 19:30", "Tomorrow 08:00", "Jul 3 19:30" in the words of the locale. */
export function moment(iso: string, locale: string, now: number): string {
  const at = new Date(iso)
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hour12: false }).format(at)
  return `${day(iso, locale, now)} ${time}`
}

export function day(iso: string, locale: string, now: number): string {
  const at = new Date(iso)
  const midnight = (value: Date) => new Date(value.getFullYear(), value.getMonth(), value.getDate()).getTime()
  const days = Math.round((midnight(at) - midnight(new Date(now))) / 86_400_000)
  if (Math.abs(days) <= 1) {
    const word = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(days, 'day')
    return word.charAt(0).toUpperCase() + word.slice(1)
  }
  const sameYear = at.getFullYear() === new Date(now).getFullYear()
  return new Intl.DateTimeFormat(locale, {
    month: 'short',
    day: 'numeric',
    ...(sameYear ? {} : { year: 'numeric' }),
  }).format(at)
}
