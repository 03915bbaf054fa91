//! An engine of a test's own, in namespaces of its own, whose machine has a name resolver at a loopback address: what
//! Ubuntu and Fedora set up, and what an engine hands its containers' questions on to. The resolver is ours and keeps what
//! it is asked.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Where the machine's resolver listens (systemd-resolved's address).
const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);

/// Port of the service that listens on all of the machine's addresses.
pub(crate) const SERVICE: u16 = 7345;

/// Where servers of DHCP listen, whom everybody asks by broadcast.
const DHCP: u16 = 67;

/// Longest wait for the engine to come up, and to go.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct OwnEngine {
    engine: Child,
    folder: tempfile::TempDir,
    /// Where calls of the service came from, and every question that the resolver was asked, as text.
    heard: Arc<Mutex<Vec<String>>>,
}

impl OwnEngine {
    /// Starts it, or says why that is not possible here.
    pub(crate) fn start() -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("only root can start an engine of its own".to_owned());
        }
        let there = |program: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).any(|folder| folder.join(program).exists())
        };
        for program in ["dockerd", "unshare", "iptables", "ip", "mount"] {
            if !there(program) {
                return Err(format!("there is no `{program}` on this machine"));
            }
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("resolv.conf"), format!("nameserver {RESOLVER}\n")).expect("written");
        // An engine keeps sockets and namespaces in /run/docker and uses a containerd that it finds in /run/containerd:
        // neither may be another engine's.
        let script = "ip link set lo up && mount --make-rprivate / && mount --bind \"$1/resolv.conf\" /etc/resolv.conf \
             && mkdir -p /run/docker /run/containerd && mount -t tmpfs tmpfs /run/docker \
             && mount -t tmpfs tmpfs /run/containerd && exec dockerd --data-root \"$1/data\" --exec-root \"$1/exec\" \
             --pidfile \"$1/pid\" --host \"unix://$1/sock\"";
        std::fs::write(folder.path().join("script"), script).expect("written");
        let engine = spawn(folder.path()).map_err(|error| error.to_string())?;
        let mut own = Self { engine, folder, heard: Arc::default() };
        own.comes_up()?;
        own.listen();
        Ok(own)
    }

    /// Ends it as `systemctl stop` would, and starts another one on the same folder. Nobody listens in the new one's network.
    pub(crate) fn restart(&mut self) {
        self.end();
        self.engine = spawn(self.folder.path()).expect("it was started before");
        self.comes_up().unwrap_or_else(|why| panic!("{why}"));
    }

    fn comes_up(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            let ended = self.engine.try_wait().expect("our own child");
            if ended.is_some() || Instant::now() > deadline {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(3).collect();
                return Err(format!("an engine of its own does not come up here: {}", last.join(" / ")));
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Ends the engine and waits for it.
    fn end(&mut self) {
        // `unshare` became the shell, and that the engine.
        let _ = kill(Pid::from_raw(self.engine.id() as i32), Signal::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        while self.engine.try_wait().expect("our own child").is_none() {
            if Instant::now() > deadline {
                let _ = self.engine.kill();
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    /// Its network namespace, as a file.
    pub(crate) fn network(&self) -> String {
        format!("/proc/{}/ns/net", self.engine.id())
    }

    /// Lets every user of this machine use it.
    pub(crate) fn for_everybody(&self) {
        let allow = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
        allow(self.folder.path(), 0o755).expect("our own folder");
        allow(&self.socket(), 0o666).expect("our own engine's socket");
    }

    /// As `DOCKER_HOST` takes it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("sock")
    }

    fn answers(&self) -> bool {
        let Ok(mut stream) = std::os::unix::net::UnixStream::connect(self.socket()) else { return false };
        let asked = stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n");
        let mut answer = String::new();
        asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains("200 OK")
    }

    /// The service and the resolver, in the engine's network. The threads end with the test program.
    fn listen(&self) {
        let namespace = std::fs::File::open(self.network()).expect("it runs");
        let (service, datagrams, broadcasts, resolver) = std::thread::spawn(move || {
            setns(&namespace, CloneFlags::CLONE_NEWNET).expect("root may enter it");
            (
                TcpListener::bind((Ipv4Addr::UNSPECIFIED, SERVICE)).expect("free"),
                UdpSocket::bind((Ipv4Addr::UNSPECIFIED, SERVICE)).expect("free"),
                UdpSocket::bind((Ipv4Addr::UNSPECIFIED, DHCP)).expect("free"),
                UdpSocket::bind((RESOLVER, 53)).expect("free"),
            )
        })
        .join()
        .expect("no panic");
        let heard = Arc::clone(&self.heard);
        std::thread::spawn(move || {
            for stream in service.incoming().flatten() {
                let from = stream.peer_addr().map_or_else(|error| error.to_string(), |from| from.to_string());
                heard.lock().unwrap().push(format!("connection from {from}"));
                greet(stream);
            }
        });
        for (socket, what) in [(datagrams, "datagram"), (broadcasts, "broadcast")] {
            let heard = Arc::clone(&self.heard);
            std::thread::spawn(move || {
                let mut buffer = [0; 2048];
                while let Ok((_, from)) = socket.recv_from(&mut buffer) {
                    heard.lock().unwrap().push(format!("{what} from {from}"));
                }
            });
        }
        let heard = Arc::clone(&self.heard);
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while let Ok((length, from)) = resolver.recv_from(&mut buffer) {
                heard.lock().unwrap().push(format!("question {}", question(&buffer[..length])));
                refuse(&resolver, &mut buffer[..length], from);
            }
        });
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(folder: &Path) -> std::io::Result<Child> {
    let log = std::fs::File::create(folder.join("log"))?;
    Command::new("unshare")
        .args(["--mount", "--net", "sh"])
        .args([folder.join("script").as_path(), folder])
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
}

fn greet(mut stream: TcpStream) {
    let _ = stream.write_all(b"welcome\n");
}

/// The name that a message asks for (RFC 1035, section 4.1.2): labels after the header of 12 bytes.
fn question(message: &[u8]) -> String {
    let mut rest = message.get(12..).unwrap_or_default();
    let mut labels = Vec::new();
    while let Some((&length, more)) = rest.split_first().filter(|(length, _)| **length > 0) {
        let Some((label, after)) = more.split_at_checked(length.into()) else { break };
        labels.push(String::from_utf8_lossy(label).into_owned());
        rest = after;
    }
    labels.join(".")
}

/// Says that there is no such name: the question again, as an answer with code 3 (RFC 1035, section 4.1.1).
fn refuse(resolver: &UdpSocket, message: &mut [u8], to: SocketAddr) {
    if let [_, _, flags, code, ..] = message {
        *flags |= 0x80;
        *code = 0x83;
    }
    let _ = resolver.send_to(message, to);
}
