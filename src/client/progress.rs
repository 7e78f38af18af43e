//! What a verb is doing while it does it, for whoever shows it.

/// One step of a verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A script is about to be started.
    Starting {
        /// Its path.
        script: String,
        /// `fork_mode` or `cluster_mode`.
        mode: String,
        /// Number of processes.
        instances: i64,
    },
    /// That script was started.
    Started,
    /// Declared apps that are not listed are about to be started.
    NotRunning(Vec<String>),
    /// One declared app was started.
    Launched {
        /// Its name.
        name: String,
        /// Number of processes.
        instances: usize,
    },
    /// Processes are about to be acted on.
    Applying {
        /// The daemon's method.
        method: &'static str,
        /// Name of the first of them; empty if it is unknown.
        name: String,
        /// Their numbers.
        ids: Vec<u32>,
    },
    /// The action on one process is done.
    Done {
        /// Its name.
        name: String,
        /// Its number.
        id: u32,
    },
    /// What else is to be told, in pm2's words.
    Info(String),
    /// The same without a prefix.
    Line(String),
    /// What has failed without ending the verb.
    Trouble(String),
}
