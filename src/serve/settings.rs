//! What is served and how, from pm2's environment variables.

use std::path::PathBuf;

/// The settings of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// What is served.
    pub folder: PathBuf,
    /// Address to listen on; every one without.
    pub host: Option<String>,
    /// Port to listen on.
    pub port: u16,
    /// Whether what does not exist is the home page.
    pub single_page: bool,
    /// The home page, seen from the folder.
    pub home_page: String,
    /// Whether folders without an index are listed.
    pub lists_folders: bool,
    /// User and password that everybody needs.
    pub login: Option<(String, String)>,
}

impl Settings {
    /// Reads them; `get` gives the value of a variable.
    pub(super) fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let text = |name: &str| {
            get(&format!("PM2_SERVE_{name}")).filter(|value| !value.is_empty() && value != "null")
        };
        let is_on = |name: &str| text(name).is_some_and(|value| value != "false" && value != "0");
        let port = match text("PORT") {
            None => 8080,
            Some(port) => port.parse().map_err(|_| {
                format!("PM2_SERVE_PORT is `{port}`: expected a port from 1 to 65535")
            })?,
        };
        let login = if is_on("BASIC_AUTH") {
            let needed = |name: &str| {
                text(name).ok_or_else(|| format!("PM2_SERVE_BASIC_AUTH needs PM2_SERVE_{name}"))
            };
            Some((
                needed("BASIC_AUTH_USERNAME")?,
                needed("BASIC_AUTH_PASSWORD")?,
            ))
        } else {
            None
        };
        Ok(Self {
            folder: text("PATH").unwrap_or_else(|| ".".to_owned()).into(),
            host: text("HOST"),
            port,
            single_page: is_on("SPA"),
            home_page: text("HOMEPAGE")
                .or_else(|| text("SERVE_HOMEPAGE"))
                .unwrap_or_else(|| "/index.html".to_owned()),
            lists_folders: is_on("FTP"),
            login,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(|name| {
            let found = variables
                .iter()
                .find(|(key, _)| name == format!("PM2_SERVE_{key}"));
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_variables_the_current_folder_is_served() {
        let settings = read(&[]).unwrap();
        assert_eq!(
            (settings.folder, settings.port, settings.home_page),
            (".".into(), 8080, "/index.html".to_owned())
        );
        assert!(!settings.single_page && !settings.lists_folders);
        assert_eq!((settings.host, settings.login), (None, None));
    }

    #[test]
    fn pm2s_variables_are_read() {
        let settings = read(&[
            ("PATH", "/www"),
            ("HOST", "127.0.0.1"),
            ("PORT", "81"),
            ("SPA", "true"),
            ("HOMEPAGE", "/app.html"),
            ("FTP", "true"),
            ("BASIC_AUTH", "true"),
            ("BASIC_AUTH_USERNAME", "me"),
            ("BASIC_AUTH_PASSWORD", "secret"),
        ]);
        let login = Some(("me".to_owned(), "secret".to_owned()));
        let expected = Settings {
            folder: "/www".into(),
            host: Some("127.0.0.1".to_owned()),
            port: 81,
            single_page: true,
            home_page: "/app.html".to_owned(),
            lists_folders: true,
            login,
        };
        assert_eq!(settings, Ok(expected));
        // What a `static` entry without a login has.
        let off = [("BASIC_AUTH", "false"), ("BASIC_AUTH_USERNAME", "null")];
        assert_eq!(read(&off).unwrap().login, None);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(read(&[("PORT", "abc")]).unwrap_err().contains("`abc`"));
        assert!(read(&[("PORT", "70000")]).is_err());
        // Better none than everybody.
        let half = [("BASIC_AUTH", "true"), ("BASIC_AUTH_USERNAME", "me")];
        assert!(
            read(&half)
                .unwrap_err()
                .contains("PM2_SERVE_BASIC_AUTH_PASSWORD")
        );
    }
}
