// How the page is built: dev proxy to the server, one chunk per page, Vant components on demand.
import { fileURLToPath, URL } from 'node:url'
import { VantResolver } from '@vant/auto-import-resolver'
import vue from '@vitejs/plugin-vue'
import Components from 'unplugin-vue-components/vite'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { compressed } from './build/compressed'
import { pwa } from './build/pwa'

const SERVER = process.env['DONGTING_SERVER'] ?? 'http://127.0.0.1:8080'

/** Vant's icon style carries a 35 kB font that we never show (our icons are Lucide's): drop it from the build. */
function withoutVantIconFont(): Plugin {
  return {
    name: 'without-vant-icon-font',
    enforce: 'pre',
    load(id) {
      return /[\\/]vant[\\/]es[\\/]icon[\\/]index\.css/.test(id) ? '.van-icon{display:inline-block}' : null
    },
  }
}

export default defineConfig({
  plugins: [
    vue(),
    withoutVantIconFont(),
    Components({ dirs: [], dts: 'src/components.d.ts', resolvers: [VantResolver()] }),
    pwa(),
    compressed(),
  ],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: 'true', // Vant's functional components need it
    __VUE_I18N_FULL_INSTALL__: 'false',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  server: {
    port: 5173,
    proxy: {
      '/api': SERVER,
      '/files': SERVER,
      '/sandbox': SERVER,
      '/socket.io': { target: SERVER, ws: true },
    },
  },
  build: {
    outDir: 'dist',
    target: ['chrome87', 'safari14', 'firefox91'],
    manifest: true,
    sourcemap: false,
    assetsInlineLimit: 2048,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700, // the 360° viewer, loaded in the hall only
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: 'hls-light', test: /node_modules[\\/]hls\.js[\\/]dist[\\/]hls\.light/ }, // live
            { name: 'hls', test: /node_modules[\\/]hls\.js/ }, // lessons
            { name: 'sphere', test: /node_modules[\\/](@photo-sphere-viewer|three)[\\/]/ },
            { name: 'socket', test: /node_modules[\\/](socket\.io|engine\.io|@socket\.io)/ },
            { name: 'vue', test: /node_modules[\\/](@vue|vue|vue-router|pinia|vue-i18n|@intlify)[\\/]/ },
          ],
        },
      },
    },
  },
  test: {
    environment: 'node', // a test that needs a page asks for happy-dom in its first lines; to make one takes half a second
    include: ['tests/**/*.test.ts', 'src/**/*.test.ts'],
    restoreMocks: true,
    setupFiles: ['tests/harness/patience.ts'],
    // These tests take what processors the browsers' leave: a limit is there to end what hangs.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    server: { deps: { inline: ['vant'] } }, // its components import style sheets, which node can't
  },
})
