//! The page that lists a folder.

use std::{fmt::Write, fs, path::Path, time::UNIX_EPOCH};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// More than anybody reads.
const ENTRIES: usize = 10_000;

/// What a name must not have in a link.
const IN_LINKS: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`');

/// The page of a folder.
pub(super) fn page(folder: &Path, path: &str) -> std::io::Result<String> {
    let mut entries: Vec<(bool, String, String)> = Vec::new();
    for entry in fs::read_dir(folder)?.flatten().take(ENTRIES) {
        // What cannot be looked at cannot be served.
        let Ok(meta) = fs::metadata(entry.path()) else {
            continue;
        };
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        entries.push((!meta.is_dir(), name, details(&meta)));
    }
    entries.sort();
    let title = escaped(&percent_decode_str(path).decode_utf8_lossy());
    let mut rows = String::new();
    if path != "/" {
        rows.push_str("<tr><td><a href=\"../\">../</a></td><td></td></tr>\n");
    }
    for (is_file, name, details) in entries {
        let slash = if is_file { "" } else { "/" };
        let link = utf8_percent_encode(&name, IN_LINKS);
        let shown = escaped(&name);
        let row = format_args!(
            "<tr><td><a href=\"./{link}{slash}\">{shown}{slash}</a></td><td>{details}</td></tr>\n"
        );
        // Text takes everything.
        let _ = rows.write_fmt(row);
    }
    Ok(format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>Index of {title}</title></head>\n\
         <body><h1>Index of {title}</h1>\n<table>\n{rows}</table></body></html>\n"
    ))
}

fn details(meta: &fs::Metadata) -> String {
    let changed = meta.modified().ok();
    let seconds = changed
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|time| i64::try_from(time.as_secs()).ok());
    let time = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let time = time.map_or_else(String::new, |time| {
        time.strftime("%Y-%m-%d %H:%M:%S").to_string()
    });
    if meta.is_dir() {
        time
    } else {
        format!("{} bytes, {time}", meta.len())
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_folders_come_first() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a\"<b>&#?.txt"), "four").unwrap();
        fs::create_dir(dir.path().join("z")).unwrap();
        let page = page(dir.path(), "/x%3C/").unwrap();
        assert!(page.contains("Index of /x&lt;/"), "{page}");
        let rows: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("<tr>"))
            .collect();
        assert!(rows[0].contains("href=\"../\""), "{page}");
        assert!(rows[1].contains("<a href=\"./z/\">z/</a>"), "{page}");
        let file = "<a href=\"./a%22%3Cb%3E%26%23%3F.txt\">a&quot;&lt;b&gt;&amp;#?.txt</a></td><td>4 bytes, ";
        assert!(rows[2].contains(file), "{page}");
    }
}
