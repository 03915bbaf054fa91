//! Which engine is meant: found as the `docker` command finds it, so that both speak to the same one.
//!
//! `DOCKER_HOST`, then the context that `DOCKER_CONTEXT` names, then the `currentContext` of Docker's configuration file,
//! then the usual sockets. A context is two folders below the configuration's: `contexts/meta/<id>/meta.json` says where
//! its engine is, `contexts/tls/<id>/docker/` holds the keys for it, and the id is the SHA-256 of its name (docker/cli,
//! `cli/context/store`).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::BackendError;

/// Where an engine that root started listens.
const USUAL_SOCKET: &str = "/var/run/docker.sock";

/// The context that stands for no context.
const NO_CONTEXT: &str = "default";

/// The engine that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineChoice {
    /// Where it is, as `DOCKER_HOST` would say it: `unix:///path`, `tcp://host:port`, ….
    pub host: String,
    /// Who says so, as a person would say it: `DOCKER_HOST`, ``context `lab`, named by DOCKER_CONTEXT``, ….
    pub because: String,
    /// Whether the `docker` command in the same environment takes the same one.
    pub as_docker: bool,
    /// The keys for an engine that wants to know who speaks to it.
    pub(super) tls: Option<Keys>,
}

/// Files in PEM form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) authority: PathBuf,
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The engine that this process's environment and its user's Docker configuration mean. Reads small files and connects to
/// nothing.
pub fn engine_choice() -> Result<EngineChoice, BackendError> {
    choose(&|name| std::env::var_os(name).filter(|value| !value.is_empty()), Path::new(USUAL_SOCKET))
}

fn choose(variable: &dyn Fn(&str) -> Option<OsString>, usual: &Path) -> Result<EngineChoice, BackendError> {
    let text = |name: &str| variable(name).map(|value| value.to_string_lossy().trim().to_owned());
    let configuration =
        variable("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(Path::new(&variable("HOME")?).join(".docker")));
    if let Some(host) = text("DOCKER_HOST").filter(|host| !host.is_empty()) {
        // The command's own switch, which belongs to this variable.
        let tls = variable("DOCKER_TLS_VERIFY").is_some() && host.starts_with("tcp://");
        let folder = variable("DOCKER_CERT_PATH").map(PathBuf::from).or(configuration).filter(|_| tls);
        let tls = folder.map(|folder| keys_in(&folder));
        return Ok(EngineChoice { host, because: "DOCKER_HOST".to_owned(), as_docker: true, tls });
    }
    let named = match text("DOCKER_CONTEXT").filter(|name| !name.is_empty()) {
        Some(name) => Some((name, "DOCKER_CONTEXT".to_owned())),
        None => match &configuration {
            Some(folder) => current_context(&folder.join("config.json"))?,
            None => None,
        },
    };
    if let Some((name, by)) = named.filter(|(name, _)| name != NO_CONTEXT) {
        let folder = configuration.unwrap_or_default();
        return of_context(&folder, &name, &by);
    }
    let own = variable("XDG_RUNTIME_DIR").map(|folder| Path::new(&folder).join("docker.sock"));
    let at = |socket: &Path, because: &str, as_docker| EngineChoice {
        host: format!("unix://{}", socket.display()),
        because: because.to_owned(),
        as_docker,
        tls: None,
    };
    match own.filter(|own| !usual.exists() && own.exists()) {
        Some(own) => Ok(at(&own, "no context is chosen, and the user's own engine listens there", false)),
        None => Ok(at(usual, "no context is chosen, and this is the usual socket", true)),
    }
}

/// The part of Docker's configuration file that is read here.
#[derive(Deserialize)]
struct Configuration {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

/// The context that the configuration chooses, and where that stands.
fn current_context(file: &Path) -> Result<Option<(String, String)>, BackendError> {
    let told = |error: Box<dyn std::error::Error + Send + Sync>| {
        BackendError::new(format!("cannot read Docker's configuration {}", file.display()), error)
            .remedy("mend the file, or say with DOCKER_HOST which engine is meant")
    };
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(told(error.into())),
    };
    let read: Configuration = serde_json::from_str(&text).map_err(|error| told(error.into()))?;
    let chosen = read.current_context.filter(|name| !name.is_empty());
    Ok(chosen.map(|name| (name, format!("currentContext in {}", file.display()))))
}

/// The part of a context's description that is read here.
#[derive(Deserialize)]
struct Description {
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Host", default)]
    host: String,
    #[serde(rename = "SkipTLSVerify", default)]
    unverified: bool,
}

fn of_context(configuration: &Path, name: &str, by: &str) -> Result<EngineChoice, BackendError> {
    let id = hex::encode(Sha256::digest(name));
    let file = configuration.join("contexts/meta").join(&id).join("meta.json");
    let cannot = format!("cannot use the Docker context `{name}` ({by})");
    let remedy = "`docker context ls` lists the contexts, `docker context use NAME` chooses one; DOCKER_HOST wins over all of them";
    let told = |error: Box<dyn std::error::Error + Send + Sync>| {
        BackendError::new(cannot.clone(), format!("{}: {error}", file.display())).remedy(remedy)
    };
    let text = fs::read_to_string(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => told("there is no such context".into()),
        _ => told(error.into()),
    })?;
    let read: Description = serde_json::from_str(&text).map_err(|error| told(error.into()))?;
    let endpoint = read.endpoints.docker.filter(|endpoint| !endpoint.host.is_empty());
    let endpoint = endpoint.ok_or_else(|| told("it names no Docker engine".into()))?;
    let keys = keys_in(&configuration.join("contexts/tls").join(&id).join("docker"));
    let tls = keys.authority.exists().then_some(keys);
    if endpoint.unverified && endpoint.host.starts_with("tcp://") {
        return Err(BackendError::plain(format!("{cannot}: it wants the engine's certificate to be believed unseen"))
            .remedy(
                "give the context the engine's certificate authority (`docker context update --docker host=…,ca=…`)",
            ));
    }
    let because = format!("context `{name}`, chosen by {by}");
    Ok(EngineChoice { host: endpoint.host, because, as_docker: true, tls })
}

/// The names that Docker gives to keys in a folder.
fn keys_in(folder: &Path) -> Keys {
    Keys { authority: folder.join("ca.pem"), certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    struct Home {
        folder: tempfile::TempDir,
        variables: BTreeMap<&'static str, String>,
    }

    impl Home {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let variables = BTreeMap::from([("HOME", folder.path().display().to_string())]);
            Self { folder, variables }
        }

        fn with(mut self, name: &'static str, value: &str) -> Self {
            self.variables.insert(name, value.to_owned());
            self
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        /// As `docker context create NAME --docker host=HOST` writes it.
        fn context(&self, name: &str, host: &str) -> String {
            let id = hex::encode(Sha256::digest(name));
            let meta = format!(
                r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#
            );
            self.write(&format!(".docker/contexts/meta/{id}/meta.json"), &meta);
            id
        }

        fn choose(&self) -> Result<EngineChoice, BackendError> {
            let look = |name: &str| self.variables.get(name).map(OsString::from);
            choose(&look, &self.folder.path().join("usual.sock"))
        }

        fn chosen(&self) -> (String, String) {
            let choice = self.choose().unwrap();
            (choice.host, choice.because)
        }
    }

    #[test]
    fn the_order_is_that_of_the_docker_command() {
        let home = Home::new();
        home.context("lab", "unix:///lab.sock");
        home.context("other", "unix:///other.sock");
        home.write(".docker/config.json", r#"{"auths":{},"currentContext":"lab"}"#);
        let (host, because) = home.chosen();
        assert_eq!(host, "unix:///lab.sock");
        assert!(because.starts_with("context `lab`, chosen by currentContext in "), "{because}");

        let home = home.with("DOCKER_CONTEXT", "other");
        let expected = ("unix:///other.sock".to_owned(), "context `other`, chosen by DOCKER_CONTEXT".to_owned());
        assert_eq!(home.chosen(), expected);

        let home = home.with("DOCKER_HOST", "tcp://10.0.0.1:2375");
        assert_eq!(home.chosen(), ("tcp://10.0.0.1:2375".to_owned(), "DOCKER_HOST".to_owned()));
    }

    #[test]
    fn without_a_context_the_usual_sockets_are_taken() {
        let home = Home::new().with("DOCKER_CONTEXT", "default");
        let (host, because) = home.chosen();
        assert!(host.ends_with("/usual.sock") && because.contains("usual socket"), "{host} {because}");

        let runtime = home.folder.path().join("runtime").display().to_string();
        home.write("runtime/docker.sock", "");
        let home = home.with("XDG_RUNTIME_DIR", &runtime);
        let own = home.choose().unwrap();
        assert_eq!(own.host, format!("unix://{runtime}/docker.sock"));
        assert!(!own.as_docker);

        home.write("usual.sock", "");
        assert!(home.chosen().0.ends_with("/usual.sock"));
    }

    #[test]
    fn another_folder_of_configuration_is_followed() {
        let home = Home::new();
        home.context("lab", "tcp://10.0.0.2:2376");
        home.write(".docker/config.json", r#"{"currentContext":"lab"}"#);
        let id = hex::encode(Sha256::digest("lab"));
        home.write(&format!(".docker/contexts/tls/{id}/docker/ca.pem"), "");
        let folder = home.folder.path().join(".docker").display().to_string();
        let home = home.with("DOCKER_CONFIG", &folder).with("HOME", "/nowhere");
        let choice = home.choose().unwrap();
        assert_eq!(choice.host, "tcp://10.0.0.2:2376");
        assert!(choice.tls.unwrap().key.ends_with("docker/key.pem"));
    }

    #[test]
    fn a_context_that_cannot_be_used_is_named() {
        let told = |home: &Home| {
            let error = home.choose().unwrap_err();
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            (error.to_string(), cause)
        };
        let home = Home::new().with("DOCKER_CONTEXT", "gone");
        let (error, cause) = told(&home);
        assert_eq!(error, "cannot use the Docker context `gone` (DOCKER_CONTEXT)");
        assert!(cause.ends_with("meta.json: there is no such context"), "{cause}");

        let id = home.context("gone", "");
        assert!(told(&home).1.ends_with("it names no Docker engine"));
        home.write(&format!(".docker/contexts/meta/{id}/meta.json"), "{");
        assert!(told(&home).1.contains("meta.json: EOF"), "{:?}", told(&home));

        let home = Home::new();
        home.write(".docker/config.json", "{");
        assert!(told(&home).0.starts_with("cannot read Docker's configuration "));
    }
}
