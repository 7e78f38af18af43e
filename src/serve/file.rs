//! A file as an answer.

use std::{io, path::Path, time::SystemTime};

use http_body_util::{BodyExt, StreamBody};
use hyper::{
    HeaderMap, Response, StatusCode,
    body::Frame,
    header::{self, HeaderName, HeaderValue},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, SeekFrom},
};
use tokio_stream::StreamExt;
use tokio_util::io::ReaderStream;

use super::{
    answer::{Body, empty},
    conditions::{Version, Wanted},
    kind::kind,
};

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// What is found at a place.
pub(super) enum Found {
    /// A file, open.
    File(File, Version),
    /// A folder.
    Folder,
}

/// Opens what is at a place.
pub(super) async fn open(place: &Path) -> io::Result<Found> {
    let meta = tokio::fs::metadata(place).await?;
    if meta.is_dir() {
        return Ok(Found::Folder);
    }
    if !meta.is_file() {
        // To open a pipe may take for ever, to read a device too.
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = File::open(place).await?;
    let meta = file.metadata().await?;
    let version = Version {
        size: meta.len(),
        changed: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
    };
    Ok(Found::File(file, version))
}

/// The answer that a file is to a request with these headers.
pub(super) async fn answer(
    name: &str,
    (mut file, version): (File, Version),
    headers: &HeaderMap,
) -> io::Result<Response<Body>> {
    let (status, first, count) = match version.wanted(headers) {
        Wanted::Whole => (StatusCode::OK, 0, version.size),
        Wanted::Part(first, last) => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Wanted::Unchanged => (StatusCode::NOT_MODIFIED, 0, 0),
        Wanted::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let mut answer = empty(status);
    let mut set = |name: HeaderName, value: &str| {
        // Made of numbers and words of ours.
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().insert(name, value);
        }
    };
    set(header::ETAG, &version.tag());
    set(
        header::LAST_MODIFIED,
        &httpdate::fmt_http_date(version.changed),
    );
    set(header::ACCEPT_RANGES, "bytes");
    set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(header::ACCESS_CONTROL_ALLOW_METHODS, "GET");
    match status {
        StatusCode::RANGE_NOT_SATISFIABLE => {
            set(header::CONTENT_RANGE, &format!("bytes */{}", version.size));
            return Ok(answer);
        }
        StatusCode::NOT_MODIFIED => return Ok(answer),
        StatusCode::PARTIAL_CONTENT => {
            let last = first + count - 1;
            set(
                header::CONTENT_RANGE,
                &format!("bytes {first}-{last}/{}", version.size),
            );
            file.seek(SeekFrom::Start(first)).await?;
        }
        _ => {}
    }
    set(header::CONTENT_TYPE, kind(name));
    set(header::CONTENT_LENGTH, &count.to_string());
    // No more than was announced, should the file grow meanwhile.
    let chunks = ReaderStream::with_capacity(file.take(count), CHUNK);
    *answer.body_mut() = StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync();
    Ok(answer)
}
