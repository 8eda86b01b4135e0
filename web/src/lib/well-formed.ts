// Text that can be written as UTF-8: a field's maxlength may cut an emoji in half.

/** `String.toWellFormed` is too new for our browsers, and half an emoji is better gone than a question mark. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '')
}
