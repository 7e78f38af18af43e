'use strict'

// Does nothing, and ends at once on SIGINT as every program without a handler does.
setInterval(() => {}, 1 << 30)
