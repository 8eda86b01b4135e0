// Hands a link to a friend: the phone's own sheet, else the clipboard.

export type Shared = 'shared' | 'copied' | 'failed'

export async function share(title: string, text: string, url: string): Promise<Shared> {
  if ('share' in navigator) {
    try {
      await navigator.share({ title, text, url })
      return 'shared'
    } catch (error) {
      // Closing the sheet is a choice and no failure.
      if (error instanceof DOMException && error.name === 'AbortError') return 'shared'
    }
  }
  return (await copyText(url)) ? 'copied' : 'failed'
}

/** The clipboard exists only on pages that came over https or from localhost. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelection(text)
  }
}

function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea')
  area.value = text
  area.style.position = 'fixed'
  area.style.opacity = '0'
  document.body.append(area)
  area.select()
  // Deprecated everywhere and still the only way on a plain http page.
  const copied = document.execCommand('copy')
  area.remove()
  return copied
}
