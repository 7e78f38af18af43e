'use strict'

// `node -r rpm2/register script.js`: whatever the script requires or imports as `pm2` is rpm2.

const Module = require('node:module')
const { pathToFileURL } = require('node:url')

const commonjs = require.resolve('./index.js')
const esm = pathToFileURL(require.resolve('./index.mjs')).href

function hookRequire() {
  const resolve = Module._resolveFilename
  Module._resolveFilename = function (request, ...rest) {
    return request === 'pm2' ? commonjs : resolve.call(this, request, ...rest)
  }
}

function hookImport() {
  if (Module.registerHooks) {
    Module.registerHooks({
      resolve(specifier, context, next) {
        const imported = specifier === 'pm2' && context.conditions.includes('import')
        return imported ? { url: esm, format: 'module', shortCircuit: true } : next(specifier, context)
      },
    })
    return
  }
  // Before Node 18.19 and 20.6 there is no such hook: `import` then finds what is installed as pm2.
  Module.register?.(pathToFileURL(require.resolve('./js/resolve.mjs')), { data: { url: esm } })
}

hookRequire()
hookImport()
