//! The wire: one forwarder thread and a device for each node.

use std::io;
use std::net::Ipv4Addr;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::super::LinkCounters;
use super::counters::CounterBoard;
use super::device::{self, Device, DeviceKind, Port};
use super::forwarder::{Command, Forwarder, Shared};
use super::switch::Switch;
use super::{DeviceSetup, Namespace};
use crate::action::Seeds;
use crate::link::LinkTable;

/// How long the forwarder may take to answer; it answers between two packets.
const ANSWER: Duration = Duration::from_secs(10);

/// Devices that one thread removes, one after another, at the end.
const CLOSED_TOGETHER: usize = 16;

/// The packet fabric of one run. Dropping it stops the forwarder and removes all devices.
#[derive(Debug)]
pub struct Wire {
    nodes: u16,
    kind: DeviceKind,
    /// Where the near ends of veth pairs live, so that the machine's own namespace stays as it is.
    hub: Namespace,
    shared: Arc<Shared>,
    commands: Sender<Command>,
    board: Arc<CounterBoard>,
    /// One lock for each node, so that devices of different nodes are made at the same time.
    devices: Vec<Mutex<Option<Device>>>,
    thread: Option<JoinHandle<Vec<Port>>>,
}

impl Wire {
    /// Starts the forwarder for so many nodes, with whatever kind of device this process can make. `seeds` is where the
    /// links' random streams come from (`link/<from>/<to>` for each directed pair), `table` is the links' state at the
    /// start. Blocks for some milliseconds. `lost` is called with the reason, on the forwarder's thread, if that ends
    /// without having been told to.
    pub fn start(
        nodes: u16,
        seeds: &Seeds,
        table: Arc<LinkTable>,
        lost: impl FnOnce(String) + Send + 'static,
    ) -> io::Result<Self> {
        Self::start_with(device::probe()?, nodes, seeds, table, lost)
    }

    /// The same with a given kind of device.
    pub fn start_with(
        kind: DeviceKind,
        nodes: u16,
        seeds: &Seeds,
        table: Arc<LinkTable>,
        lost: impl FnOnce(String) + Send + 'static,
    ) -> io::Result<Self> {
        if table.nodes() != nodes {
            return Err(another_network(&table, nodes));
        }
        let hub = Namespace::create()?;
        let shared = Arc::new(Shared {
            table: ArcSwap::new(table),
            news: Mutex::default(),
            generation: AtomicU64::new(0),
            wake: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            ended: OnceLock::new(),
        });
        let board = Arc::new(CounterBoard::default());
        let (commands, inbox) = mpsc::channel();
        let switch = Switch::new(nodes, seeds, Arc::clone(&board));
        let forwarder = Forwarder::new(nodes, Arc::clone(&shared), inbox, switch)?;
        let seen = Arc::clone(&shared);
        let carry = move || {
            let why = match panic::catch_unwind(AssertUnwindSafe(|| forwarder.run())) {
                Ok(Ok(ports)) => return ports,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it panicked".to_owned(),
            };
            let why = seen.ended.get_or_init(|| why).clone();
            lost(why);
            Vec::new()
        };
        let thread = thread::Builder::new().name("wire".to_owned()).spawn(carry)?;
        let devices = std::iter::repeat_with(Mutex::default).take(nodes.into()).collect();
        Ok(Self { nodes, kind, hub, shared, commands, board, devices, thread: Some(thread) })
    }

    /// What kind of devices the nodes get.
    pub fn kind(&self) -> DeviceKind {
        self.kind
    }

    /// Makes a device for the node in the namespace and puts it on the wire. An older device of the node is removed
    /// first. Blocks for some milliseconds: call it from a blocking thread.
    pub fn attach(&self, node: u16, namespace: &Namespace, device: &DeviceSetup) -> io::Result<()> {
        let mut place = self.place(node)?;
        self.remove(node, place.take())?;
        let (made, port) = Device::create(self.kind, &self.hub, namespace, device)?;
        let (answer, answered) = mpsc::channel();
        let carries = made.carries().to_vec();
        // On an error the port goes with the command, and a TUN device with it; a veth pair goes with the hub.
        self.tell(Command::Attach { node, port, carries, answer })?;
        answered.recv_timeout(ANSWER).map_err(|_| no_answer())??;
        *place = Some(made);
        Ok(())
    }

    /// Takes the node's device off the wire and removes it. Nothing happens if it has none. Blocks like `attach`.
    pub fn detach(&self, node: u16) -> io::Result<()> {
        let mut place = self.place(node)?;
        self.remove(node, place.take())
    }

    /// Takes the node's device down or brings it up again, addresses and routes included. Blocks like `attach`.
    pub fn set_interface_up(&self, node: u16, up: bool) -> io::Result<()> {
        let place = self.place(node)?;
        place.as_ref().ok_or_else(|| no_device(node))?.set_up(up)
    }

    /// Takes one of the addresses off the node's own device or puts it back, for nodes in several networks.
    pub fn set_address(&self, node: u16, address: Ipv4Addr, present: bool) -> io::Result<()> {
        let place = self.place(node)?;
        place.as_ref().ok_or_else(|| no_device(node))?.set_address(address, present)
    }

    /// Makes this table the state of all links in one atomic swap and returns the instant after it. Never blocks.
    ///
    /// A table for another number of nodes is a bug of the caller; it is not put in force.
    pub fn set_links(&self, table: Arc<LinkTable>) -> io::Result<Instant> {
        if table.nodes() != self.nodes {
            return Err(another_network(&table, self.nodes));
        }
        self.shared.news.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&table));
        self.shared.table.store(table);
        self.shared.generation.fetch_add(1, Ordering::Release);
        let applied = Instant::now();
        // What is under way on links that are cut now is dropped at once and not only when its time comes.
        let _ = self.shared.wake.write(1);
        // Asked last: whoever has ended by now carries nothing by this table.
        match self.shared.ended.get() {
            None => Ok(applied),
            Some(why) => Err(io::Error::other(format!("the thread that carries the packets has ended: {why}"))),
        }
    }

    /// Counters of all directed links that ever saw a packet, in order of sender and receiver.
    pub fn counters(&self) -> Vec<LinkCounters> {
        self.board.read()
    }

    fn place(&self, node: u16) -> io::Result<std::sync::MutexGuard<'_, Option<Device>>> {
        let place = self.devices.get(usize::from(node)).ok_or_else(|| {
            let message = format!("node {node} is not on a wire of {} nodes", self.nodes);
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        Ok(place.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn remove(&self, node: u16, device: Option<Device>) -> io::Result<()> {
        let Some(device) = device else { return Ok(()) };
        let (answer, answered) = mpsc::channel();
        self.tell(Command::Detach { node, answer })?;
        match answered.recv_timeout(ANSWER).map_err(|_| no_answer())? {
            Some(port) => device.remove(&self.hub, port),
            None => Ok(()),
        }
    }

    fn tell(&self, command: Command) -> io::Result<()> {
        self.commands.send(command).map_err(|_| no_answer())?;
        self.shared.wake.write(1)?;
        Ok(())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.tell(Command::Stop).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // If it had ended before, that has been told.
            if let Ok(ports) = thread.join() {
                close(ports);
            }
        }
    }
}

/// Closes devices on several threads: the kernel waits for grace periods while it removes one, and these waits overlap.
fn close(mut ports: Vec<Port>) {
    thread::scope(|scope| {
        while !ports.is_empty() {
            let some = ports.split_off(ports.len().saturating_sub(CLOSED_TOGETHER));
            // If there can be no further thread, they are closed here.
            let _ = thread::Builder::new().stack_size(64 * 1024).spawn_scoped(scope, move || drop(some));
        }
    });
}

fn another_network(table: &LinkTable, nodes: u16) -> io::Error {
    let message = format!("the link table is for {} nodes and the wire for {nodes}", table.nodes());
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn no_answer() -> io::Error {
    io::Error::other("the thread that carries the packets has ended or does not answer")
}

fn no_device(node: u16) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("node {node} has no device on the wire"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_forwarder_that_ends_is_told_at_once_and_no_swap_counts_any_more() {
        let table = Arc::new(LinkTable::compile(2, []));
        let (told, heard) = mpsc::channel();
        let lost = move |why| drop(told.send(why));
        let wire = match Wire::start(2, &Seeds::root(1), Arc::clone(&table), lost) {
            Ok(wire) => wire,
            // An ordinary user without user namespaces.
            Err(error) => return drop(writeln!(io::stderr(), "SKIPPED: no wire can be made here: {error}")),
        };
        wire.set_links(Arc::clone(&table)).expect("it carries packets");
        let other = wire.set_links(Arc::new(LinkTable::compile(3, []))).expect_err("of another network");
        assert!(other.to_string().contains("for 3 nodes"), "{other}");
        wire.tell(Command::Break).expect("told");
        let why = heard.recv_timeout(ANSWER).expect("its end is told");
        assert!(why.contains("broken for a test"), "{why}");
        let error = wire.set_links(table).expect_err("nobody carries packets by it");
        assert!(error.to_string().contains("has ended"), "{error}");
    }
}
