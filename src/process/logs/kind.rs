//! Which of an app's two outputs.

/// Standard output or standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Out,
    Err,
}

impl Kind {
    /// What events and JSON lines call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
        }
    }
}
