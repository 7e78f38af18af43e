'use strict'

// Node's own cluster: WORKERS workers of web.js, which are replaced one after the other each time it is told to: the
// oldest goes when the new one listens.

const cluster = require('node:cluster')
const path = require('node:path')

const count = Number(process.env.WORKERS)
const workers = []

const add = () =>
  new Promise((resolve) => {
    const worker = cluster.fork()
    workers.push(worker)
    worker.once('listening', resolve)
  })

async function main() {
  cluster.setupPrimary({ exec: path.join(__dirname, 'web.js') })
  cluster.schedulingPolicy = cluster.SCHED_RR
  for (let number = 0; number < count; number++) await add()
  process.on('message', async () => {
    for (let number = 0; number < count; number++) {
      await add()
      workers.shift().disconnect()
    }
    process.send('done')
  })
  process.send('listening')
}

main()
