'use strict'

/**
 * Connects the script's standard input and output with those of a process: each line of input goes to the process, what
 * it writes comes out, until the input ends or a line cannot be sent. `done` is called then.
 */
function attach(session, id, separator, done) {
  session.launchBus((error, bus) => {
    if (error) return done(error)
    const { stdin } = process
    let rest = ''
    let sent = Promise.resolve()
    let isOver = false
    const finish = (failure) => {
      if (isOver) return
      isOver = true
      stdin.off('data', take).off('end', end).pause()
      bus.close()
      done(failure ?? null)
    }
    const send = (line) => {
      sent = sent.then(() => session.sendLineToStdin(id, line, separator)).catch(finish)
    }
    const take = (chunk) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()
      lines.forEach(send)
    }
    const end = () => {
      if (rest) send(rest)
      sent.then(() => finish())
    }
    bus.on('log:*', (stream, { process: { pm_id: from }, data }) => {
      if (String(from) === String(id)) process[stream === 'err' ? 'stderr' : 'stdout'].write(data)
    })
    stdin.setEncoding('utf8').on('data', take).on('end', end)
  })
}

module.exports = { attach }
