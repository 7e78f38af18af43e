'use strict'

const fs = require('node:fs')
const path = require('node:path')

const modules = path.join(__dirname, '..', '..', 'node_modules')

/** The Nodes to test with: this one, and those among the development dependencies. */
function nodes() {
  const others = ['node18', 'node22', 'node24'].map((name) => path.join(modules, name, 'bin', 'node'))
  return [process.execPath, ...others.filter((node) => fs.existsSync(node))]
}

module.exports = { nodes }
