// One press, one act: busy while it is under way, a toast when it failed.
import { ref } from 'vue'
import { useErrorText } from '@/i18n/error-text'
import { toast } from './toasts'

export function useAct() {
  const errorText = useErrorText()
  const busy = ref(false)

  /** Answers whether it was done. */
  async function act(work: () => Promise<unknown>, done?: string): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    try {
      await work()
      if (done) toast(done)
      return true
    } catch (error) {
      toast(errorText(error), 'problem')
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, act }
}
