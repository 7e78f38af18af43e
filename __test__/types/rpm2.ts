// What our types add to pm2's: promises, exact results, sessions.
import rpm2, { type Bus, type Connection, type ProcessDescription, type Session, custom, list } from 'rpm2'
import { promisify } from 'node:util'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(yes: Same<A, B>) => yes

export async function main() {
  const connection = await rpm2.connect()
  same<typeof connection, Connection>(true)
  const processes = await list()
  same<typeof processes, ProcessDescription[]>(true)
  same<Awaited<ReturnType<typeof promised>>, ProcessDescription[]>(true)
  const started = await rpm2.start({ apps: [{ script: 'a.js', env_production: { A: 1 } }] })
  started.map((app) => app.pm_id)
  rpm2.start({ script: 'a.js' }, (error, apps) => {
    if (Array.isArray(error)) error.map(({ message }) => message)
    apps.length.toFixed()
  })
  const bus: Bus = await rpm2.launchBus()
  bus.on('log:*', (stream: string, packet) => packet.data).off('log:*')
  const sent = await rpm2.sendDataToProcessId('0', { data: 1, topic: true })
  sent.data.id
  const session: Session = new custom({ pm2_home: '/tmp/home' })
  await session.kill()
  await session.disconnect()
  // @ts-expect-error a number is not a declaration
  await rpm2.start(7)
  // @ts-expect-error a declaration's attributes have types
  await rpm2.start({ script: 'a.js', max_restarts: 'often' })
}
const promised = promisify(list)
