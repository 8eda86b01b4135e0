// Turns an error into the sentence that a person reads.
import { useI18n } from 'vue-i18n'
import { asApiError } from '@/api/errors'

export function useErrorText(): (error: unknown) => string {
  const { t, te } = useI18n()
  return (error) => {
    const { code } = asApiError(error)
    const key = `errors.${code}`
    return te(key) || te(key, 'zh') ? t(key) : t('errors.internal')
  }
}
