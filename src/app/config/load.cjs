// Runs a configuration and prints what it exports as JSON behind a marker. Run by `node -e`, so that configurations
// may be CommonJS or ESM, await at top level, and require whatever they like.
'use strict'
const fs = require('node:fs')
const { pathToFileURL } = require('node:url')

const { RPM2_CONFIG_FILE: file, RPM2_CONFIG_MARKER: marker } = process.env
delete process.env.RPM2_CONFIG_FILE
delete process.env.RPM2_CONFIG_MARKER

const exported = (module) => {
  const { default: main, ...named } = module
  const isPlain = main !== null && typeof main === 'object' && !Array.isArray(main)
  if (main === undefined) return { ...module }
  return isPlain ? { ...named, ...main } : main
}

const load = async () => {
  if (!/\.m[jt]s$/.test(file)) {
    try {
      const module = require(file)
      const isModule = module && (module.__esModule || module[Symbol.toStringTag] === 'Module')
      return isModule ? exported(module) : module
    } catch (error) {
      if (error?.code !== 'ERR_REQUIRE_ESM' && error?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error
    }
  }
  return exported(await import(pathToFileURL(file).href))
}

// `exit` at once: a timer or an open connection of the configuration must not keep us waiting.
const finish = (result) => {
  const bytes = Buffer.from(`\n${marker}${JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? String(value) : value))}`)
  for (let done = 0; done < bytes.length; ) {
    try {
      done += fs.writeSync(1, bytes, done)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
  process.exit(0)
}

const fail = (error) => finish({ message: String(error?.message ?? error), name: error?.name, stack: error?.stack })

load()
  .then((value) => (typeof value === 'function' ? value() : value))
  .then((value) => finish({ value: value ?? null }))
  .catch(fail)
