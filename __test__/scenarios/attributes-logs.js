exports.title = 'attributes: log files, their names, formats and dates'

exports.run = async ({ ok, record, fixture, eventually, home }) => {
  const fs = require('node:fs')
  const path = require('node:path')
  const script = fixture('talks.js')
  // The moment differs, its form does not.
  const masked = (text) => text.replaceAll(/\d/g, '9')
  const tree = (folder) =>
    fs
      .readdirSync(folder, { recursive: true })
      .map((name) => path.join(folder, String(name)))
      .filter((file) => fs.statSync(file).isFile())
      .sort()
  const start = async (name, app) => {
    const folder = path.join(home, `of-${name}`)
    fs.mkdirSync(folder)
    await ok('start', { script, name, ...app(folder) })
    const { pm2_env } = (await ok('list')).find((process) => process.name === name)
    for (const key of ['pm_out_log_path', 'pm_err_log_path', 'pm_log_path', 'merge_logs', 'log_type', 'log_date_format']) {
      record(`${name} ${key}`, pm2_env[key])
    }
    return folder
  }
  /** The files of an app, once all of them hold the last line. */
  const files = async (label, list, lines) => {
    for (const file of list) {
      const read = () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '')
      const text = await eventually(() => lines(file).test(read()) && read(), `${label}: ${file}`)
      // One write may come as one chunk or as several: what is compared is the text of the lines.
      // Better: with dates pm2 may hold back what has no end of line; rpm2 writes it as it comes.
      const ended = masked(text).split('\n').filter((line) => line && !line.includes('no end'))
      record(`${label} ${path.basename(file)}`, ended)
    }
  }
  const last = (file) => (/err/.test(file) ? /complaint/ : /lines/)
  const logs = (name, suffix = '') => ['out', 'error'].map((kind) => path.join(home, 'logs', `${name}-${kind}${suffix}.log`))

  await start('plain', () => ({}))
  await files('plain', logs('plain'), last)
  await start('separate', () => ({ merge_logs: false }))
  await files('separate', logs('separate', '-1'), last)
  await start('two', () => ({ instances: 2, exec_mode: 'fork' }))
  await files('two', [...logs('two', '-2'), ...logs('two', '-3')], last)
  await start('merged', () => ({ instances: 2, exec_mode: 'fork', merge_logs: true }))
  record('merged names', fs.readdirSync(path.join(home, 'logs')).filter((name) => /merged/.test(name)).sort())
  await start('odd name/with: things', () => ({})).catch(() => {})
  for (const [name, app] of Object.entries({
    dated: { log_date_format: 'YYYY-MM-DD HH:mm:ss.SSS' },
    escaped: { log_date_format: '[at] ddd DD/MM/YY' },
    timed: { time: true },
  })) {
    await start(name, () => app)
    await files(name, logs(name), last)
  }
  await start('json', () => ({ log_type: 'json', log_date_format: 'YYYY' }))
  await eventually(() => /complaint/.test(fs.readFileSync(logs('json')[1], 'utf8')), 'json')
  record('json keys', Object.keys(JSON.parse(fs.readFileSync(logs('json')[1], 'utf8').split('\n')[0])).sort())
  const custom = await start('custom', (folder) => ({ out_file: path.join(folder, 'a/o.log'), error_file: path.join(folder, 'err.log') }))
  await files('custom', tree(custom), last)
  const numbered = await start('numbered', (folder) => ({ out_file: path.join(folder, 'o.txt'), error_file: path.join(folder, 'err-7.log'), merge_logs: false }))
  record('numbered', tree(numbered).map((file) => path.basename(file)))
  const both = await start('both', (folder) => ({ log_file: path.join(folder, 'both.log'), out_file: path.join(folder, 'o.log') }))
  await eventually(() => /complaint/.test(fs.readFileSync(path.join(both, 'both.log'), 'utf8')), 'both')
  record('both', tree(both).map((file) => path.basename(file)))
  await start('all', () => ({ log_file: true }))
  for (const [name, value] of [['null', 'NULL'], ['device', '/dev/null']]) {
    await start(name, () => ({ out_file: value, error_file: value }))
  }
  await start('disabled', () => ({ disable_logs: true }))
  // Better: rpm2 makes no files for logs that are disabled.
  const made = fs.readdirSync(path.join(home, 'logs')).filter((name) => !name.startsWith('disabled'))
  record('files', made.sort().map((name) => name.replace(/\d+(?=\.log)/, 'N')))
}
