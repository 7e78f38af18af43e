'use strict'

const { Session } = require('./js/session')

const session = new Session()

// pm2's module is one session. Its functions are bound: `const { list } = require('rpm2')` works.
for (const name of Object.getOwnPropertyNames(Session.prototype)) {
  if (name !== 'constructor') module.exports[name] = session[name].bind(session)
}
Object.assign(module.exports, { cwd: session.cwd, pm2_home: session.pm2_home, Client: session.Client, custom: Session })
