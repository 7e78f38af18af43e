'use strict'

// Node's own cluster: two workers of web.js. Which way connections go is for NODE_CLUSTER_SCHED_POLICY to say.

const cluster = require('node:cluster')
const path = require('node:path')

cluster.setupPrimary({ exec: path.join(__dirname, 'web.js') })
for (const _ of [0, 1]) cluster.fork()
let left = 2
cluster.on('listening', () => --left === 0 && process.send('listening'))
