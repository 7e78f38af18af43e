//! A server of the files in a folder: what `serve` and `static` entries run, as an ordinary app. No daemon is involved.

#![forbid(unsafe_code)]

mod answer;
mod auth;
mod conditions;
mod file;
mod kind;
mod listing;
mod place;
mod settings;

use std::{
    env,
    io::{self, Write},
    net::{Ipv4Addr, Ipv6Addr},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    runtime::Builder,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use self::{answer::Site, settings::Settings};

/// Connections at the same time; further ones wait.
const CONNECTIONS: usize = 4096;
/// How long a client may take for the head of a request.
const HEAD: Duration = Duration::from_secs(30);
/// Pause after a failed accept: no descriptor was left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves as the environment says (`PM2_SERVE_*`) until it is ended.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is the app's log; there is nowhere else to complain to.
            let _ = writeln!(io::stderr(), "rpm2 serve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> io::Result<()> {
    let settings = Settings::read(|name| env::var(name).ok()).map_err(io::Error::other)?;
    crate::sys::descriptor::raise_limit();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = bind(&settings).await?;
        let _ = writeln!(
            io::stdout(),
            "Exposing {} directory on port {}",
            settings.folder.display(),
            settings.port
        );
        accept(&listener, Arc::new(Site::new(settings))).await
    })
}

/// Listens where the settings say; without a host on every address, IPv6 and IPv4.
async fn bind(settings: &Settings) -> io::Result<TcpListener> {
    let port = settings.port;
    let bound = match &settings.host {
        Some(host) => TcpListener::bind((host.as_str(), port)).await,
        None => match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
            }
            bound => bound,
        },
    };
    bound.map_err(|error| {
        let text = format!("cannot listen on port {port}: {error}; choose another port");
        io::Error::new(error.kind(), text)
    })
}

async fn accept(listener: &TcpListener, site: Arc<Site>) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        match listener.accept().await {
            Ok((socket, _)) => drop(tokio::spawn(serve(socket, Arc::clone(&site), place))),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve(socket: tokio::net::TcpStream, site: Arc<Site>, _place: OwnedSemaphorePermit) {
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { site.answer(request).await }
    });
    // A client that breaks off, or breaks the rules, is no concern of others.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(socket), service)
        .await;
}
