//! Command lines of a single word, which scripts call again and again: read without the machinery for options, which
//! takes as long as all the rest of a short command.

use std::ffi::OsString;

use super::{
    Cli, GlobalArgs,
    commands::{Command, ListArgs},
};

/// What the arguments after the program's name say, if they are one such word.
pub(super) fn read(mut arguments: impl Iterator<Item = OsString>) -> Option<Cli> {
    let word = arguments.next()?;
    if arguments.next().is_some() {
        return None;
    }
    let list = ListArgs::default();
    let command = match word.to_str()? {
        "list" | "ls" | "l" | "ps" | "status" => Command::List(list),
        "jlist" => Command::Jlist(list),
        "prettylist" => Command::Prettylist(list),
        "ping" => Command::Ping(list),
        _ => return None,
    };
    Some(Cli {
        command: Some(command),
        global: GlobalArgs::default(),
        version: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn it_reads_the_same_as_the_whole_parser() {
        let words = "list ls l ps status jlist prettylist ping";
        for word in words.split(' ') {
            let short = read([word.into()].into_iter()).unwrap();
            let whole = Cli::try_parse_from(["rpm2", word]).unwrap();
            assert_eq!(format!("{short:?}"), format!("{whole:?}"));
        }
        for other in [&[][..], &["ls", "x"], &["start"], &["-v"], &["--help"]] {
            let arguments = other.iter().map(|&word| word.into());
            assert!(read(arguments).is_none(), "{other:?}");
        }
    }
}
