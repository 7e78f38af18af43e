//! The only place that prints: what goes where, in which colour, and when nothing does.

use std::{
    env,
    io::{self, ErrorKind, IsTerminal, Write},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A text of fewer bytes is copied to be written with the end of its line.
const JOINED: usize = 64 * 1024;

/// What the command line says about output.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) silent: bool,
    pub(super) mini_list: bool,
    pub(super) no_color: bool,
    pub(super) sort: Option<String>,
}

/// A colour or weight; pm2's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Green,
    Red,
    Yellow,
    Grey,
    Bold,
    BoldBlue,
    BoldCyan,
    BoldGreen,
    BoldRed,
    BoldYellow,
    BoldInverse,
    Italic,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Green => "32",
            Self::Red => "31",
            Self::Yellow => "33",
            Self::Grey => "90",
            Self::Bold => "1",
            Self::BoldBlue => "1;34",
            Self::BoldCyan => "1;36",
            Self::BoldGreen => "1;32",
            Self::BoldRed => "1;31",
            Self::BoldYellow => "1;33",
            Self::BoldInverse => "1;7",
            Self::Italic => "3;37",
        }
    }
}

/// Text with a style, if there is colour.
pub(super) fn paint(color: bool, style: Style, text: &str) -> String {
    if color && style != Style::Plain {
        format!("\x1b[{}m{text}\x1b[0m", style.code())
    } else {
        text.to_owned()
    }
}

/// A cheap handle on standard output and error.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent settings")]
pub(super) struct Output {
    silent: bool,
    pub(super) mini_list: bool,
    /// Whether standard output shows colour.
    pub(super) color: bool,
    error_color: bool,
    pub(super) sort: Option<String>,
    /// Whether output was lost for another reason than a reader that has left.
    lost: Arc<AtomicBool>,
}

impl Output {
    pub(super) fn new(settings: &Settings) -> Self {
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let plain = settings.no_color || settings.mini_list || set("NO_COLOR") || dumb;
        let silent =
            settings.silent || env::var_os("PM2_SILENT").is_some_and(|value| is_on(&value));
        Self {
            silent,
            mini_list: settings.mini_list,
            color: !plain && io::stdout().is_terminal(),
            error_color: !plain && io::stderr().is_terminal(),
            sort: settings.sort.clone(),
            lost: Arc::default(),
        }
    }

    /// What the command was asked for; printed even when silent.
    pub(super) fn data(&self, text: &str) {
        // Whoever reads standard output may have left; anything else is remembered.
        let _ = if text.len() < JOINED {
            // In one piece: others may write to the same terminal.
            self.write(&[text.as_bytes(), b"\n"].concat())
        } else {
            self.write(text.as_bytes()).and_then(|()| self.write(b"\n"))
        };
    }

    /// Lines as they are, unless silent.
    pub(super) fn lines(&self, text: &str) {
        if !self.silent {
            self.data(text);
        }
    }

    /// `[PM2] text`.
    pub(super) fn info(&self, text: &str) {
        self.lines(&format!(
            "{}{text}",
            paint(self.color, Style::Green, "[PM2] ")
        ));
    }

    /// `[PM2][WARN] text` on standard output, where pm2 prints advice.
    pub(super) fn advise(&self, text: &str) {
        let prefix = paint(self.color, Style::Yellow, "[PM2][WARN] ");
        self.lines(&format!("{prefix}{text}"));
    }

    /// `[PM2] text` on standard error: for commands whose standard output is data.
    pub(super) fn note(&self, text: &str) {
        self.complain(Style::Green, "[PM2] ", text);
    }

    /// `[PM2][WARN] text` on standard error.
    pub(super) fn warn(&self, text: &str) {
        self.complain(Style::Yellow, "[PM2][WARN] ", text);
    }

    /// `[PM2][ERROR] text` on standard error.
    pub(super) fn error(&self, text: &str) {
        self.complain(Style::Red, "[PM2][ERROR] ", text);
    }

    /// Text on standard error as it is.
    pub(super) fn error_lines(&self, text: &str) {
        if !self.silent {
            // There is nowhere left to complain to.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    fn complain(&self, style: Style, prefix: &str, text: &str) {
        let prefix = paint(self.error_color, style, prefix);
        self.error_lines(&format!("{prefix}{text}"));
    }

    /// Bytes to standard output, at once. An error means that nobody reads it any more.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        if let Err(error) = &written
            && error.kind() != ErrorKind::BrokenPipe
            && !self.lost.swap(true, Ordering::Relaxed)
        {
            self.error(&format!("cannot write the output: {error}"));
        }
        written
    }

    /// Bytes to standard error, at once.
    pub(super) fn write_error(&self, bytes: &[u8]) -> io::Result<()> {
        let written = io::stderr().lock().write_all(bytes);
        if written.is_err() {
            self.lost.store(true, Ordering::Relaxed);
        }
        written
    }

    /// The exit code of a command: output that was lost is a failure too.
    pub(super) fn exit_code(&self, success: bool) -> ExitCode {
        if success && !self.lost.load(Ordering::Relaxed) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// `text` in `style` if there is colour.
    pub(super) fn paint(&self, style: Style, text: &str) -> String {
        paint(self.color, style, text)
    }
}

fn is_on(value: &std::ffi::OsStr) -> bool {
    !value.is_empty() && value != "false" && value != "0"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_added_only_where_wanted() {
        assert_eq!(paint(true, Style::Red, "x"), "\x1b[31mx\x1b[0m");
        assert_eq!(paint(false, Style::Red, "x"), "x");
        assert_eq!(paint(true, Style::Plain, "x"), "x");
    }

    #[test]
    fn the_variable_for_silence_can_be_off() {
        for (value, on) in [
            ("true", true),
            ("1", true),
            ("false", false),
            ("0", false),
            ("", false),
        ] {
            assert_eq!(is_on(std::ffi::OsStr::new(value)), on, "{value}");
        }
    }
}
