//! The connection to the engine: found, reached, and its API version agreed on.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::errors::Error as EngineError;
use bollard::{ClientVersion, Docker};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::super::BackendError;
use super::super::fabric::Namespace;
use super::choice::{EngineChoice, engine_choice};

/// Oldest API that everything here was tried with: engine 20.10.
const OLDEST_API: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// Newest API that everything here was tried with: engine 26.1. An engine that speaks a later one also speaks this.
const NEWEST_API: ClientVersion = ClientVersion { major_version: 1, minor_version: 45 };

/// Longest wait for the answer to one request. Removing many containers at once makes an engine slow, not dead.
const REQUEST_TIMEOUT_SECONDS: u64 = 300;

/// How long an engine may take to say that it is there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where engines listen, for somebody whose engine was not found.
const USUAL_PLACES: &str = "/var/run/docker.sock, $XDG_RUNTIME_DIR/docker.sock (rootless), ~/.docker/desktop/docker.sock \
                            or ~/.docker/run/docker.sock (Docker Desktop), ~/.colima/default/docker.sock (Colima)";

/// An engine that has answered.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    /// Speaks the agreed API version.
    pub(super) docker: Docker,
    /// Where it is, as `DOCKER_HOST` would say it.
    pub(super) host: String,
    /// Who says so.
    pub(super) because: String,
    /// Whether the `docker` command in the same environment speaks to it.
    pub(super) as_docker: bool,
    /// Version of the engine, for example `20.10.24`.
    pub(super) version: String,
    /// API version that is spoken.
    pub(super) api: String,
    /// Process id of the engine, if it listens on a socket of this machine and its process can be seen from here.
    pub(super) daemon: Option<u32>,
}

impl Engine {
    /// Reaches the engine that the `docker` command would speak to.
    pub(super) async fn connect() -> Result<Self, BackendError> {
        Self::connect_to(&engine_choice()?).await
    }

    /// Reaches the engine at `unix:///path`, `tcp://host:port`, `http://host:port` or `https://host:port`.
    async fn connect_to(choice: &EngineChoice) -> Result<Self, BackendError> {
        let host = choice.host.as_str();
        let absent = |source: Box<dyn std::error::Error + Send + Sync>| {
            BackendError::new(format!("cannot reach the Docker engine at {host} ({})", choice.because), source).remedy(
                format!(
                    "start the engine (`systemctl start docker`, or `dockerd` as root), say where it is with DOCKER_HOST or \
                     `docker context use NAME` (usual places: {USUAL_PLACES}), or use `--backend native`"
                ),
            )
        };
        let socket = host.strip_prefix("unix://").map(PathBuf::from);
        if let Some(path) = &socket {
            match UnixStream::connect(path).await {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(absent(error.into())
                        .remedy("join the group that may use the socket (`usermod -aG docker NAME`, then log in again), run as root, or use `--backend native`"));
                }
                Err(error) => return Err(absent(error.into())),
                Ok(_) => {}
            }
        }
        let docker = match (&socket, &choice.tls) {
            (Some(path), _) => Docker::connect_with_unix(&path.to_string_lossy(), REQUEST_TIMEOUT_SECONDS, &NEWEST_API),
            (None, Some(keys)) if host.starts_with("tcp://") || host.starts_with("https://") => {
                if let Some(missing) = [&keys.authority, &keys.certificate, &keys.key].into_iter().find(|file| !file.is_file()) {
                    return Err(absent(format!("there is no {}", missing.display()).into()));
                }
                let (key, certificate, authority) = (&keys.key, &keys.certificate, &keys.authority);
                Docker::connect_with_ssl(host, key, certificate, authority, REQUEST_TIMEOUT_SECONDS, &NEWEST_API)
            }
            (None, None) if host.starts_with("tcp://") || host.starts_with("http://") => {
                Docker::connect_with_http(host, REQUEST_TIMEOUT_SECONDS, &NEWEST_API)
            }
            _ => {
                return Err(BackendError::plain(format!("{} says `{host}`, which is no address of an engine that is understood", choice.because))
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
        Ok(Self {
            docker,
            host: host.to_owned(),
            because: choice.because.clone(),
            as_docker: choice.as_docker,
            version,
            api: spoken.to_string(),
            daemon,
        })
    }

    /// The network namespace that the engine's bridges are in, if it can be reached from here.
    pub(super) fn namespace(&self) -> Option<Namespace> {
        self.daemon.and_then(|pid| Namespace::of_process(pid).ok())
    }

    /// The same, if this process may also enter it.
    pub(super) fn open_namespace(&self) -> Option<Namespace> {
        self.namespace().filter(|namespace| namespace.run(|| ()).is_ok())
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
async fn daemon_behind(path: &Path) -> Option<u32> {
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
