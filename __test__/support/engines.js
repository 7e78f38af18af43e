'use strict'

const path = require('node:path')

const root = path.join(__dirname, '..', '..')

/** The two programs that must behave alike: where each one's module and command are. */
module.exports = {
  pm2: {
    module: path.join(root, 'node_modules', 'pm2'),
    command: path.join(root, 'node_modules', 'pm2', 'bin', 'pm2'),
  },
  rpm2: { module: root, command: path.join(root, 'bin', 'rpm2') },
}
