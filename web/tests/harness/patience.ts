// What a test waits for may come late where it shares processors: only what hangs is given up.
import { vi } from 'vitest'

const PATIENCE_MS = 30_000 // less than a test has, so that it says what it was waiting for
const { waitFor } = vi

vi.waitFor = (condition, options = PATIENCE_MS) => waitFor(condition, options)
