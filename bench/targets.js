'use strict'

// What rpm2 must reach, by the row it is for. `most` and `least` are bounds, times the limit or pm2 if `of` says so,
// `plus` what may come on top.

const asTheLimit = [
  { most: 2, of: 'limit' },
  { most: 1 / 60, of: 'pm2' },
]
const aFifth = [{ most: 1 / 5, of: 'pm2' }]
const aQuarter = [{ most: 1 / 4, of: 'pm2' }]
const nearDirect = [{ most: 1.4, of: 'limit' }]
const aThird = [{ most: 1 / 3, of: 'pm2' }]
const pipelined = [{ least: 0.6, of: 'limit' }]
const bus = [{ least: 0.7, of: 'limit' }]
const aSixth = [{ most: 1 / 6, of: 'pm2' }]
const asFast = [{ least: 1, of: 'limit' }]

module.exports = {
  'jlist-10': asTheLimit,
  'jlist-100': asTheLimit,
  'ls-10': asTheLimit,
  'ls-100': asTheLimit,
  boot: [{ most: 15 }],
  'pss-0': [{ most: 4 }],
  'pss-10': [{ most: 4.5 }],
  'pss-100': [{ most: 6 }],
  'rss-0': aSixth,
  'rss-10': aSixth,
  'rss-100': aSixth,
  'idle-cpu': [{ most: 0.3 }],
  'idle-wakes': [{ most: 0 }],
  'list-p50': aFifth,
  'list-p99': aFifth,
  start: aQuarter,
  restart: aQuarter,
  delete: [{ most: 1 / 8, of: 'pm2' }],
  'start-100': [{ most: 1 / 10, of: 'pm2' }],
  crash: [{ most: 1, of: 'limit', plus: 5 }],
  'fork-p50': nearDirect,
  'fork-p99': aThird,
  'cluster-p50': nearDirect,
  'cluster-p99': aThird,
  'fork-pipelined': pipelined,
  'cluster-pipelined': pipelined,
  'bus-16': bus,
  'bus-1024': bus,
  'bus-16-cpu': [{ most: 2 }],
  'bus-1024-cpu': [{ most: 2 }],
  'log-fork': [{ least: 0.9, of: 'limit' }],
  'log-cluster': [{ least: 0.9, of: 'limit' }],
  'log-fork-cpu': [{ most: 1.1 }],
  'log-cluster-cpu': [{ most: 1.1 }],
  'http-kept': asFast,
  'http-single': [{ least: 1.5, of: 'pm2' }],
  'http-single-cpu': [{ most: 15 }],
  'http-kernel': [{ least: 0.95, of: 'limit' }],
  'http-kernel-cpu': [{ most: 0.5 }],
  reload: [{ most: 1.1, of: 'limit' }],
  'reload-failed': [{ most: 0 }],
}
