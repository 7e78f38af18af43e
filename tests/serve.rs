//! `serve` and `static`: what the server answers, and the apps that it is.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    cli::{fails, home, list, ok},
    support::{
        homes::{TestHome, binary},
        ports::free_port,
    },
};

/// What a request is answered with.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn has(&self, line: &str) -> bool {
        self.head.lines().any(|found| found == line)
    }
}

/// Waits until an app says that it listens.
fn listens(home: &TestHome, name: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let log = format!("{name}-out.log");
    while !home.app_log(&log).starts_with(b"Exposing ") {
        assert!(Instant::now() < deadline, "{name} does not listen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a request.
fn ask(port: u16, request: &str) -> Answer {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (line, more) = request.split_once('\n').unwrap_or((request, ""));
    let more = more.replace('\n', "\r\n");
    write!(
        socket,
        "{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{more}\r\n"
    )
    .unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A server without a daemon.
struct Server {
    port: u16,
    child: Child,
    folder: tempfile::TempDir,
}

impl Server {
    fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        fs::create_dir(folder.path().join("bare")).unwrap();
        write("index.html", "home");
        write("sub/index.html", "sub");
        write("style.css", "css");
        write("digits.txt", "0123456789");
        write("a b", "blank");
        let port = free_port();
        let mut child = Command::new(binary())
            .arg("serve-files")
            .env("PM2_SERVE_PORT", port.to_string())
            .env("PM2_SERVE_PATH", folder.path())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // It says so when it listens.
        let mut said = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut said).unwrap();
        assert!(said.starts_with("Exposing "), "{said}");
        Self {
            port,
            child,
            folder,
        }
    }

    fn ask(&self, request: &str) -> Answer {
        ask(self.port, request)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn files_are_answered_with_their_type_whole_or_in_part() {
    let server = Server::start(&[]);
    for (path, kind, body) in [
        ("/", "text/html", "home"),
        ("/index.html?x=1", "text/html", "home"),
        ("/style.css", "text/css", "css"),
        ("/sub/", "text/html", "sub"),
        ("/a%20b", "text/plain", "blank"),
    ] {
        let answer = server.ask(&format!("GET {path}"));
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
        assert!(
            answer.has(&format!("content-type: {kind}")),
            "{}",
            answer.head
        );
        assert!(
            answer.has("access-control-allow-origin: *"),
            "{}",
            answer.head
        );
    }
    let head = server.ask("HEAD /digits.txt");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.has("content-length: 10"), "{}", head.head);
    let part = server.ask("GET /digits.txt\nRange: bytes=2-4\n");
    assert_eq!((part.status, part.body.as_str()), (206, "234"));
    assert!(part.has("content-range: bytes 2-4/10"), "{}", part.head);
    assert_eq!(
        server.ask("GET /digits.txt\nRange: bytes=20-\n").status,
        416
    );
    let tag = head
        .head
        .lines()
        .find(|line| line.starts_with("etag: "))
        .unwrap();
    let again = format!(
        "GET /digits.txt\nIf-None-Match: {}\n",
        &tag["etag: ".len()..]
    );
    assert_eq!(server.ask(&again).status, 304);
    let moved = server.ask("GET /sub");
    assert!(
        moved.status == 307 && moved.has("location: /sub/"),
        "{}",
        moved.head
    );
    let refused = server.ask("POST /digits.txt\nContent-Length: 0\n");
    assert!(
        refused.status == 405 && refused.has("allow: GET, HEAD"),
        "{}",
        refused.head
    );
}

#[test]
fn nothing_outside_of_the_folder_is_served() {
    let server = Server::start(&[("PM2_SERVE_FTP", "true")]);
    let secret = server.folder.path().with_extension("secret");
    fs::write(&secret, "secret").unwrap();
    let name = secret.file_name().unwrap().to_str().unwrap();
    let folder = server.folder.path().file_name().unwrap().to_str().unwrap();
    for path in [
        format!("/../{name}"),
        format!("/sub/../../{name}"),
        format!("/%2e%2e/{name}"),
        format!("/..%2f{name}"),
        format!("/%2e%2e%2f{name}"),
        format!("//..//{name}"),
        format!("/..\\{name}"),
        format!("/../{folder}x/"),
        secret.to_str().unwrap().to_owned(),
        "/../".to_owned(),
        "/%2e%2e/".to_owned(),
        "/%00".to_owned(),
        "/index.html%00.css".to_owned(),
        "/%zz".to_owned(),
        format!("/{}", "a".repeat(300)),
        "/index.html/".to_owned(),
    ] {
        let answer = server.ask(&format!("GET {path}"));
        assert_eq!(
            (answer.status, answer.body.contains("secret")),
            (404, false),
            "{path}"
        );
    }
    fs::remove_file(secret).unwrap();
}

#[test]
fn what_does_not_exist() {
    let server = Server::start(&[]);
    let bare = server.ask("GET /none");
    assert_eq!((bare.status, bare.body.as_str()), (404, "404 Not Found"));
    assert_eq!(server.ask("GET /bare/").status, 404);
    fs::write(server.folder.path().join("404.html"), "own page").unwrap();
    let own = server.ask("GET /none");
    assert_eq!((own.status, own.body.as_str()), (404, "own page"));
    assert_eq!(server.ask("HEAD /none").body, "");

    let single = Server::start(&[("PM2_SERVE_SPA", "true")]);
    for path in ["/none", "/deep/none", "/none.css"] {
        let answer = single.ask(&format!("GET {path}"));
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, "home"),
            "{path}"
        );
    }
    assert_eq!(single.ask("GET /style.css").body, "css");
    let other = Server::start(&[
        ("PM2_SERVE_SPA", "true"),
        ("PM2_SERVE_HOMEPAGE", "/style.css"),
    ]);
    assert_eq!(other.ask("GET /none").body, "css");

    let listing = Server::start(&[("PM2_SERVE_FTP", "true")]);
    fs::write(listing.folder.path().join("bare/<file>"), "").unwrap();
    let answer = listing.ask("GET /bare/");
    assert!(
        answer.status == 200 && answer.body.contains("href=\"./%3Cfile%3E\">&lt;file&gt;<"),
        "{}",
        answer.body
    );
    assert_eq!(listing.ask("GET /").body, "home");
}

#[test]
fn a_login_is_needed_where_one_is_set() {
    let server = Server::start(&[
        ("PM2_SERVE_BASIC_AUTH", "true"),
        ("PM2_SERVE_BASIC_AUTH_USERNAME", "me"),
        ("PM2_SERVE_BASIC_AUTH_PASSWORD", "secret"),
    ]);
    let answer = server.ask("GET /");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (401, "Access denied")
    );
    assert!(
        answer.has("www-authenticate: Basic realm=\"401\""),
        "{}",
        answer.head
    );
    assert_eq!(
        server
            .ask("GET /\nAuthorization: Basic bWU6d3Jvbmc=\n")
            .status,
        401
    );
    assert_eq!(
        server
            .ask("GET /\nAuthorization: Basic bWU6c2VjcmV0\n")
            .body,
        "home"
    );
}

#[test]
fn a_server_that_cannot_be_says_why() {
    let taken = TcpListener::bind("[::]:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (port, why) in [
        (port.as_str(), "cannot listen on port"),
        ("x", "PM2_SERVE_PORT is `x`"),
    ] {
        let output = Command::new(binary())
            .arg("serve-files")
            .env("PM2_SERVE_PORT", port)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(1) && errors.contains(why),
            "{errors}"
        );
    }
}

#[test]
fn the_command_starts_an_app() {
    let home = home();
    let folder = home.folder().join("www");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("index.html"), "served").unwrap();
    let folder: PathBuf = fs::canonicalize(folder).unwrap();
    let port = free_port().to_string();
    let out = ok(&home, &["serve", "www", &port, "--spa", "--name", "front"]);
    let served = format!(
        "[PM2] Done.\n[PM2] Serving {} on port {port}\n┌",
        folder.display()
    );
    assert!(out.contains(&served), "{out}");
    listens(&home, "front");
    assert_eq!(ask(port.parse().unwrap(), "GET /none").body, "served");
    let process = &list(&home)[0];
    let env = &process["pm2_env"]["env"];
    assert_eq!(process["name"], "front");
    assert_eq!(process["pm2_env"]["pm_cwd"], folder.to_str().unwrap());
    assert_eq!(env["PM2_SERVE_PORT"], port);
    assert_eq!(env["PM2_SERVE_PATH"], folder.to_str().unwrap());
    assert_eq!(env["PM2_SERVE_SPA"], true);
    let error = |text: &str| format!("[PM2][ERROR] {text}\n");
    assert_eq!(
        fails(&home, &["expose", "www", &port, "-n", "front"]),
        error("Script already launched, add -f option to force re-execution")
    );
    assert!(fails(&home, &["serve", "none"]).contains("is no folder"));
    assert!(fails(&home, &["serve", "www", "70000"]).contains("from 1 to 65535"));
    assert!(fails(&home, &["serve", "www", "--basic-auth-username", "x"]).contains("both"));
}

#[test]
fn static_entries_of_a_file_are_served() {
    let home = home();
    home.write("page.txt", "entry");
    let port = free_port();
    let entry = format!("{{\"static\": [{{\"path\": \".\", \"port\": {port}}}]}}");
    home.write("apps.json", &entry);
    let out = ok(&home, &["start", "apps.json"]);
    let launched = format!("[PM2] App [static-page-server-{port}] launched (1 instances)\n");
    assert!(out.contains(&launched), "{out}");
    listens(&home, &format!("static-page-server-{port}"));
    assert_eq!(ask(port, "GET /page.txt").body, "entry");
    ok(&home, &["delete", "apps.json"]);
    assert!(list(&home).is_empty());
}
