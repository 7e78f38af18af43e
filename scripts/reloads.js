'use strict'

// `npm run reloads -- [--reloads 100] [--engine rpm2,pm2] [--agent on,off] [--handler no,yes] [--what reload,scale]
// [--balance round-robin,least-connections,kernel] [--json]`: reloads a clustered server again and again under load, or takes a third process away from it, with every Node there is, and counts the requests that fail. Each kind
// of visitor comes at once: one connection for each request, kept connections without and with pauses.

const { parseArgs } = require('node:util')
const { nodes } = require('../__test__/support/nodes')
const { play } = require('./reloads/play')
const { heading, row } = require('./reloads/report')

const { values } = parseArgs({
  options: {
    reloads: { type: 'string', default: '100' },
    engine: { type: 'string', default: 'rpm2' },
    agent: { type: 'string', default: 'on' },
    handler: { type: 'string', default: 'no' },
    what: { type: 'string', default: 'reload' },
    balance: { type: 'string', default: 'round-robin' },
    node: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})

const list = (text) => text.split(',').filter(Boolean)

async function main() {
  const reloads = Number(values.reloads)
  if (!(reloads >= 1)) throw new Error('--reloads must be a whole number')
  const engines = values.node ? list(values.node) : nodes()
  if (!values.json) console.log(heading())
  for (const node of engines) {
    for (const engine of list(values.engine)) {
      for (const agent of list(values.agent)) {
        for (const handler of list(values.handler)) {
          for (const what of list(values.what)) {
            for (const balance of list(values.balance)) {
              const how = { agent: agent === 'on', handler: handler === 'yes', what, balance }
              const result = await play({ engine, node, reloads, ...how })
              console.log(values.json ? JSON.stringify(result) : row(result))
            }
          }
        }
      }
    }
  }
}

main().catch((error) => {
  console.error(`rpm2: ${error.stack}`)
  process.exitCode = 1
})
