// Many apps in one folder, each with its own way of watching; for each file that changes: which of them are restarted.
// Where rpm2 differs on purpose (it ignores `node_modules` at any depth, `logs/`, and what a regular expression in
// `ignore_watch` matches) is not played here.
const fs = require('node:fs')
const path = require('node:path')

exports.title = 'changed files restart the apps that watch them'

const APPS = {
  all: { watch: true, ignore_watch: [] },
  looking: { watch: true, ignore_watch: [], watch_options: { usePolling: true, interval: 50 } },
  plain: { watch: true },
  names: { watch: true, ignore_watch: ['logs', 'node_modules', './.hidden'] },
  globs: { watch: true, ignore_watch: ['**/*.tmp', '*.map', 'deep/**'] },
  below: { watch: ['src'], ignore_watch: ['sub', 'src/out'] },
  pattern: { watch: ['src/*.js'] },
  patterns: { watch: ['{src,lib}/**/*.js', '!src/sub'] },
  depth: { watch: true, watch_options: { depth: 1 } },
  ignored: { watch: true, ignore_watch: ['src'], watch_options: { ignored: ['logs'] } },
  polling: { watch: true, watch_options: { usePolling: true, interval: 50 } },
  links: { watch: true, watch_options: { followSymlinks: false } },
}

const FILES = ['src/a.js', 'src/sub/b.js', 'src/out/c.js', 'logs/x.log', '.hidden/f', 'node_modules/x/i.js']
FILES.push('deep/a/b/c.tmp', 'x.map', 'link/f')

exports.expected = {
  'src/sub/b.js': ['all', 'below', 'globs', 'ignored', 'links', 'looking', 'names', 'plain', 'polling'],
  '.hidden/f': ['all', 'globs', 'ignored', 'looking'],
}

exports.run = async ({ ok, record, listen, eventually, home }) => {
  const cwd = path.join(home, 'app')
  const outside = path.join(home, 'outside')
  fs.mkdirSync(outside)
  for (const file of FILES.slice(0, -1)) fs.mkdirSync(path.dirname(path.join(cwd, file)), { recursive: true })
  fs.symlinkSync(outside, path.join(cwd, 'link'))
  let count = 0
  const change = (file) => fs.writeFileSync(path.join(cwd, file), String(count++))
  FILES.forEach(change)
  await ok('connect')
  const { seen } = await listen('log:PM2', ({ data }) => {
    const [, file, app] = /^Change detected on path (\S+) for app (\w+) - restarting/.exec(data) ?? []
    return app && { file, app }
  })
  const start = { script: '/bin/sleep', args: '600', interpreter: 'none', cwd, kill_timeout: 500 }
  for (const [name, attributes] of Object.entries(APPS)) await ok('start', { ...start, ...attributes, name })
  const isOnline = async () => (await ok('list')).every(({ pm2_env }) => pm2_env.status === 'online')
  const appsOf = (file) => [...new Set(seen.filter((one) => one.file === file).map(({ app }) => app))].sort()
  // What changes while an app is restarted restarts it no second time: all must run, and one must have seen it.
  const changeUntil = async (file, isSeen) => {
    for (;;) {
      await eventually(isOnline, 'all run')
      change(file)
      const has = await eventually(isSeen, `${file} is seen`, 2000).catch(() => false)
      if (has) return eventually(isOnline, 'all run again')
    }
  }
  // Watching begins some time after the start.
  for (const app of Object.keys(APPS)) {
    await changeUntil(app === 'ignored' ? 'x.map' : 'src/a.js', () => seen.some((one) => one.app === app))
  }
  for (const file of FILES) {
    seen.length = 0
    // Once the apps that watch everything, in both ways, are restarted for it, the others have seen it too.
    await changeUntil(file, () => ['all', 'looking'].every((app) => appsOf(file).includes(app)))
    record(file, appsOf(file))
  }
  await ok('delete', 'all')
}
