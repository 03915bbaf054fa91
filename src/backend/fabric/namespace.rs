//! Network namespaces as file descriptors.
//!
//! Entering a namespace changes an operating system *thread*, so it happens only on plain threads that live as long as
//! one piece of work, never on a thread of the async runtime and never across an `.await`.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns, unshare};

use super::netlink::{self, Netlink};

/// A network namespace. Cheap to clone; the kernel keeps the namespace for as long as one clone is left, or a process
/// in it.
#[derive(Clone, Debug)]
pub struct Namespace {
    file: Arc<File>,
}

impl Namespace {
    /// Makes a new namespace that holds nothing but its loopback interface, which is up.
    pub fn create() -> io::Result<Self> {
        on_a_thread("namespace", || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            Netlink::open()?.set_up(netlink::LOOPBACK, true)?;
            Self::current()
        })?
    }

    /// The namespace of a running process.
    pub fn of_process(pid: u32) -> io::Result<Self> {
        Self::open(&format!("/proc/{pid}/ns/net"))
    }

    /// The namespace of the calling thread.
    pub fn current() -> io::Result<Self> {
        Self::open("/proc/thread-self/ns/net")
    }

    fn open(path: &str) -> io::Result<Self> {
        Ok(Self { file: Arc::new(File::open(path)?) })
    }

    /// Its inode number, by which `/proc/<pid>/ns/net` tells who is in it (namespaces(7)). Other namespaces may get the
    /// number once this one is gone.
    pub fn inode(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.ino())
    }

    /// Does blocking work inside the namespace, on a thread of its own, and waits for it.
    ///
    /// A child process that is spawned by the work is in the namespace; a socket that is opened by it belongs there
    /// for ever, whoever uses it later.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        on_a_thread("in-namespace", || {
            setns(self.file.as_fd(), CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        })?
    }

    /// Connects from inside the namespace. The stream is in non-blocking mode, as tokio wants it.
    pub fn dial(&self, address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        self.run(|| {
            let stream = TcpStream::connect_timeout(&address, timeout)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(stream)
        })?
    }
}

impl AsFd for Namespace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Runs the work on a short-lived thread, so that whatever it does to its thread dies with it.
fn on_a_thread<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name(name.to_owned()).stack_size(512 * 1024).spawn_scoped(scope, work)?;
        thread.join().map_err(|_| io::Error::other(format!("the thread `{name}` panicked")))
    })
}
