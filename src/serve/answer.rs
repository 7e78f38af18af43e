//! What a request is answered with.

use std::{convert::Infallible, io, path::Path};

use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::Bytes,
    header::{self, HeaderName, HeaderValue},
};

use super::{
    auth,
    file::{self, Found},
    listing,
    place::place,
    settings::Settings,
};

/// The body of an answer: a file, or text.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The page of a folder.
const INDEX: &str = "index.html";

/// One folder and how it is served.
pub(super) struct Site {
    settings: Settings,
    /// What `Authorization` has to be.
    secret: Option<Vec<u8>>,
}

impl Site {
    pub(super) fn new(settings: Settings) -> Self {
        let login = settings.login.as_ref();
        Self {
            secret: login.map(|(user, password)| auth::expected(user, password)),
            settings,
        }
    }

    /// Answers a request, whatever it is.
    pub(super) async fn answer<B>(
        &self,
        request: Request<B>,
    ) -> Result<Response<Body>, Infallible> {
        let headers = request.headers();
        if let Some(secret) = &self.secret {
            let given = headers.get(header::AUTHORIZATION);
            if !auth::is_allowed(secret, given.map(HeaderValue::as_bytes)) {
                let challenge = (header::WWW_AUTHENTICATE, "Basic realm=\"401\"");
                return Ok(refused(
                    StatusCode::UNAUTHORIZED,
                    "Access denied",
                    challenge,
                ));
            }
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let allowed = (header::ALLOW, "GET, HEAD");
            let text = "405 Method Not Allowed";
            return Ok(refused(StatusCode::METHOD_NOT_ALLOWED, text, allowed));
        }
        let path = request.uri().path();
        let found = self.find(path, headers).await;
        Ok(match found {
            Ok(answer) => answer,
            Err(error) => self.without(path, headers, &error).await,
        })
    }

    /// The file that a path means.
    async fn find(&self, path: &str, headers: &HeaderMap) -> io::Result<Response<Body>> {
        let place = place(&self.settings.folder, path).ok_or(io::ErrorKind::NotFound)?;
        match file::open(&place).await? {
            // `/index.html/` is none of a file.
            Found::File(..) if path.ends_with('/') => Err(io::ErrorKind::NotFound.into()),
            Found::File(file, version) => file::answer(path, (file, version), headers).await,
            // Links in a page are meant from its folder.
            Found::Folder if !path.ends_with('/') => moved(&format!("{path}/")),
            Found::Folder => self.page(&place.join(INDEX), headers).await,
        }
    }

    async fn page(&self, place: &Path, headers: &HeaderMap) -> io::Result<Response<Body>> {
        match file::open(place).await? {
            Found::File(file, version) => {
                let name = place.to_string_lossy();
                file::answer(&name, (file, version), headers).await
            }
            Found::Folder => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// The answer without a file: a listing, the home page, or a page that says so.
    async fn without(&self, path: &str, headers: &HeaderMap, error: &io::Error) -> Response<Body> {
        use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound, PermissionDenied};
        match error.kind() {
            NotFound | NotADirectory | InvalidFilename => {}
            PermissionDenied => return html(StatusCode::FORBIDDEN, "403 Forbidden".to_owned()),
            _ => {
                let text = "the file cannot be read".to_owned();
                return html(StatusCode::INTERNAL_SERVER_ERROR, text);
            }
        }
        if self.settings.lists_folders
            && let Some(page) = listed(&self.settings.folder, path).await
        {
            return html(StatusCode::OK, page);
        }
        if self.settings.single_page
            && let Some(home) = place(&self.settings.folder, &self.settings.home_page)
            && let Ok(answer) = self.page(&home, headers).await
        {
            return answer;
        }
        // All of it: what the client may have of this page has another path.
        let own = self.settings.folder.join("404.html");
        match self.page(&own, &HeaderMap::new()).await {
            Ok(mut answer) => {
                *answer.status_mut() = StatusCode::NOT_FOUND;
                answer
            }
            Err(_) => html(StatusCode::NOT_FOUND, "404 Not Found".to_owned()),
        }
    }
}

async fn listed(root: &Path, path: &str) -> Option<String> {
    let folder = place(root, path).filter(|_| path.ends_with('/'))?;
    let path = path.to_owned();
    let page = tokio::task::spawn_blocking(move || listing::page(&folder, &path)).await;
    page.ok()?.ok()
}

/// Nothing but a status.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let body = Empty::new().map_err(|never| match never {});
    let mut answer = Response::new(body.boxed_unsync());
    *answer.status_mut() = status;
    answer
}

fn html(status: StatusCode, text: String) -> Response<Body> {
    let mut answer = empty(status);
    let kind = HeaderValue::from_static("text/html");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    let body = Full::from(text).map_err(|never| match never {});
    *answer.body_mut() = body.boxed_unsync();
    answer
}

fn refused(
    status: StatusCode,
    text: &str,
    (name, value): (HeaderName, &'static str),
) -> Response<Body> {
    let mut answer = html(status, text.to_owned());
    let value = HeaderValue::from_static(value);
    answer.headers_mut().insert(name, value);
    answer
}

fn moved(path: &str) -> io::Result<Response<Body>> {
    // Two slashes at the beginning would name another host.
    let path = format!("/{}", path.trim_start_matches('/'));
    let location = HeaderValue::from_str(&path).map_err(io::Error::other)?;
    let mut answer = empty(StatusCode::TEMPORARY_REDIRECT);
    answer.headers_mut().insert(header::LOCATION, location);
    Ok(answer)
}
