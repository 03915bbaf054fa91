//! The connection to the engine: found, reached, and its API version agreed on.

use std::path::PathBuf;
use std::time::Duration;

use bollard::errors::Error as EngineError;
use bollard::{ClientVersion, Docker};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::super::BackendError;
use super::super::fabric::Namespace;

/// Oldest API that everything here was tried with: engine 20.10.
const OLDEST_API: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// Newest API that everything here was tried with: engine 26.1. An engine that speaks a later one also speaks this.
const NEWEST_API: ClientVersion = ClientVersion { major_version: 1, minor_version: 45 };

/// Longest wait for the answer to one request. Removing many containers at once makes an engine slow, not dead.
const REQUEST_TIMEOUT_SECONDS: u64 = 300;

/// How long an engine may take to say that it is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where an engine is looked for when `DOCKER_HOST` says nothing.
const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// An engine that has answered.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    /// Speaks the agreed API version.
    pub(super) docker: Docker,
    /// Where it is, as `DOCKER_HOST` would say it.
    pub(super) host: String,
    /// Version of the engine, for example `20.10.24`.
    pub(super) version: String,
    /// API version that is spoken.
    pub(super) api: String,
    /// Process id of the engine, if it listens on a socket of this machine and its process can be seen from here.
    pub(super) daemon: Option<u32>,
}

impl Engine {
    /// Reaches the engine that `DOCKER_HOST` names, or the one at the usual socket.
    pub(super) async fn connect() -> Result<Self, BackendError> {
        let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.trim().is_empty());
        Self::connect_to(&host.unwrap_or_else(|| format!("unix://{DEFAULT_SOCKET}"))).await
    }

    /// Reaches the engine at `unix:///path`, `tcp://host:port` or `http://host:port`.
    pub(super) async fn connect_to(host: &str) -> Result<Self, BackendError> {
        let absent = |source: Box<dyn std::error::Error + Send + Sync>| {
            BackendError::new(format!("cannot reach the Docker engine at {host}"), source)
                .remedy("start the engine (`systemctl start docker`, or `dockerd` as root), set DOCKER_HOST if it listens elsewhere, or use `--backend native`")
        };
        let socket = host.strip_prefix("unix://").map(PathBuf::from);
        let docker = match &socket {
            Some(path) => Docker::connect_with_unix(&path.to_string_lossy(), REQUEST_TIMEOUT_SECONDS, &NEWEST_API),
            None if host.starts_with("tcp://") || host.starts_with("http://") => {
                Docker::connect_with_http(host, REQUEST_TIMEOUT_SECONDS, &NEWEST_API)
            }
            None => {
                return Err(BackendError::plain(format!("DOCKER_HOST is `{host}`, which is no address of an engine that is understood"))
                    .remedy("use `unix:///path/to/docker.sock` or `tcp://host:port`; an engine behind ssh can be reached by forwarding its socket with `ssh -L`"));
            }
        }
        .map_err(|error| absent(error.into()))?;
        let docker = match timeout(CONNECT_TIMEOUT, negotiate(docker)).await {
            Ok(docker) => docker.map_err(|error| absent(error.into()))?,
            Err(_) => return Err(absent(format!("no answer in {} s", CONNECT_TIMEOUT.as_secs()).into())),
        };
        let spoken = docker.client_version();
        let about = docker.version().await.map_err(|error| absent(error.into()))?;
        let version = about.version.unwrap_or_else(|| "unknown".to_owned());
        if (spoken.major_version, spoken.minor_version) < (OLDEST_API.major_version, OLDEST_API.minor_version) {
            return Err(BackendError::plain(format!(
                "the Docker engine {version} at {host} speaks API {spoken}, which is too old"
            ))
            .remedy(format!("use an engine from 20.10 on (API {OLDEST_API})")));
        }
        let daemon = match &socket {
            Some(path) => daemon_behind(path).await,
            None => None,
        };
        Ok(Self { docker, host: host.to_owned(), version, api: spoken.to_string(), daemon })
    }

    /// The network namespace that the engine's bridges are in, if it can be reached from here.
    pub(super) fn namespace(&self) -> Option<Namespace> {
        self.daemon.and_then(|pid| Namespace::of_process(pid).ok())
    }

    /// Name and versions as a person would say them.
    pub(super) fn title(&self) -> String {
        let version = self.version.split('+').next().unwrap_or(&self.version);
        format!("Docker {version} (API {})", self.api)
    }
}

async fn negotiate(docker: Docker) -> Result<Docker, EngineError> {
    docker.negotiate_version().await
}

/// Who listens on the socket: its process id, if that process is visible from here. With socket activation this is the
/// service manager, whose network namespace is the engine's as well.
async fn daemon_behind(path: &std::path::Path) -> Option<u32> {
    let stream = timeout(CONNECT_TIMEOUT, UnixStream::connect(path)).await.ok()?.ok()?;
    let pid = stream.peer_cred().ok()?.pid()?;
    u32::try_from(pid).ok().filter(|&pid| pid != 0)
}

/// Whether the engine's answer has this HTTP status.
pub(super) fn has_status(error: &EngineError, status: u16) -> bool {
    matches!(error, EngineError::DockerResponseServerError { status_code, .. } if *status_code == status)
}

/// Success if the thing is not there any more.
pub(super) fn gone_is_fine<T>(result: Result<T, EngineError>) -> Result<(), EngineError> {
    match result {
        Ok(_) => Ok(()),
        Err(error) if has_status(&error, 404) => Ok(()),
        Err(error) => Err(error),
    }
}
