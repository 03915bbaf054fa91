//! The thread that carries the packets: waits for devices and for the next arrival, reads, asks the switch, writes.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache};
use nix::libc;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::device::{HEADER, LARGEST_PACKET, Port, frame_header};
use super::kernel;
use super::switch::{Fate, Switch};
use crate::link::{DropReason, LinkTable};

/// Packets that are taken from one device before the others have their turn.
const BATCH: usize = 32;

/// Marks of the two descriptors that are no devices; a device's mark is its node's index.
const WAKE: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// What the forwarder shares with the rest of the process.
#[derive(Debug)]
pub(super) struct Shared {
    /// State of all links, swapped whole.
    pub(super) table: ArcSwap<LinkTable>,
    /// Tables that came since the forwarder last looked: what was under way when a link was cut is dropped, even if the
    /// link has been healed again before the forwarder came to it.
    pub(super) news: Mutex<Vec<Arc<LinkTable>>>,
    /// How many tables have come.
    pub(super) generation: AtomicU64,
    /// Wakes the forwarder.
    pub(super) wake: EventFd,
    /// Why the forwarder has ended, if nobody told it to.
    pub(super) ended: OnceLock<String>,
}

/// What the forwarder is told. Each answer is the port that is in use no more, to be closed by whoever asked: closing
/// takes the kernel longer than packets should wait.
pub(super) enum Command {
    /// Use this port for the node.
    Attach { node: u16, port: Port, carries: Vec<Ipv4Addr>, answer: Sender<io::Result<()>> },
    /// Use none.
    Detach { node: u16, answer: Sender<Option<Port>> },
    /// End.
    Stop,
    /// End as if the kernel had refused to wait for devices.
    #[cfg(test)]
    Break,
}

/// The forwarder's own state.
pub(super) struct Forwarder {
    shared: Arc<Shared>,
    commands: Receiver<Command>,
    switch: Switch,
    ports: Vec<Option<Port>>,
    epoll: Epoll,
    timer: TimerFd,
    /// What the timer is set to.
    alarm: Option<Duration>,
    origin: Instant,
    seen: u64,
}

impl Forwarder {
    pub(super) fn new(
        nodes: u16,
        shared: Arc<Shared>,
        commands: Receiver<Command>,
        switch: Switch,
    ) -> io::Result<Self> {
        use nix::sys::epoll::EpollCreateFlags;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK)?;
        epoll.add(&shared.wake, EpollEvent::new(EpollFlags::EPOLLIN, WAKE))?;
        epoll.add(timer.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, TIMER))?;
        let ports = std::iter::repeat_with(|| None).take(nodes.into()).collect();
        let origin = Instant::now();
        Ok(Self { shared, commands, switch, ports, epoll, timer, alarm: None, origin, seen: 0 })
    }

    /// Carries packets until it is told to stop, or until the kernel refuses to wait for devices. Returns the ports that
    /// it had, to be closed by whoever told it.
    pub(super) fn run(mut self) -> io::Result<Vec<Port>> {
        kernel::hurry();
        let shared = Arc::clone(&self.shared);
        let mut table = Cache::new(&shared.table);
        let mut buffer = vec![0; HEADER + LARGEST_PACKET];
        buffer[..HEADER].copy_from_slice(&frame_header());
        let mut events = [EpollEvent::empty(); 64];
        loop {
            self.set_alarm()?;
            let ready = match self.epoll.wait(&mut events, EpollTimeout::NONE) {
                Ok(ready) => ready,
                Err(nix::Error::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in &events[..ready] {
                match event.data() {
                    WAKE => {
                        // The count does not matter: whatever is there is taken.
                        let _ = self.shared.wake.read();
                        if !self.obey()? {
                            return Ok(self.ports.into_iter().flatten().collect());
                        }
                    }
                    TIMER => {
                        // Takes the expiry, or the timer would stay ready; the count does not matter.
                        let _ = self.timer.wait();
                        self.alarm = None;
                    }
                    node => self.serve(node as u16, &mut table, &mut buffer),
                }
                self.deliver_due(&mut table);
            }
        }
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Does what it was told. Returns false if that is to end.
    #[cfg_attr(not(test), expect(clippy::unnecessary_wraps, reason = "a test makes it fail"))]
    fn obey(&mut self) -> io::Result<bool> {
        self.sweep_news();
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Attach { node, port, carries, answer } => {
                    let added = self.epoll.add(&port, EpollEvent::new(EpollFlags::EPOLLIN, node.into()));
                    if added.is_ok() {
                        self.switch.set_addresses(node, &carries);
                        self.ports[usize::from(node)] = Some(port);
                    }
                    // Whoever asked may have given up waiting.
                    let _ = answer.send(added.map_err(io::Error::from));
                }
                Command::Detach { node, answer } => {
                    let port = self.ports[usize::from(node)].take();
                    if let Some(port) = &port {
                        // A device that broke is off the list already.
                        let _ = self.epoll.delete(port);
                    }
                    let _ = answer.send(port);
                }
                Command::Stop => return Ok(false),
                #[cfg(test)]
                Command::Break => return Err(io::Error::other("broken for a test")),
            }
        }
        Ok(true)
    }

    /// Drops what was under way on links that have been cut since the last look.
    fn sweep_news(&mut self) {
        let generation = self.shared.generation.load(Ordering::Acquire);
        if generation == self.seen {
            return;
        }
        self.seen = generation;
        let news = std::mem::take(&mut *self.shared.news.lock().unwrap_or_else(PoisonError::into_inner));
        for table in news {
            self.switch.sweep(&table);
        }
    }

    /// Takes a batch of packets from a node's device.
    fn serve(&mut self, from: u16, table: &mut Cache<&ArcSwap<LinkTable>, Arc<LinkTable>>, buffer: &mut [u8]) {
        for _ in 0..BATCH {
            let Some(port) = &self.ports[usize::from(from)] else { return };
            let length = match port.receive(buffer) {
                Ok(length) => length,
                Err(error) => match error.raw_os_error() {
                    Some(libc::EINTR) => continue,
                    // Told once when the device goes down; it may come up again.
                    Some(libc::ENETDOWN | libc::EAGAIN) => return,
                    // The device is gone, its namespace perhaps: without this the loop would spin on it.
                    _ => {
                        let _ = self.epoll.delete(port);
                        return;
                    }
                },
            };
            let frame = &buffer[..HEADER + length];
            let Some(to) = self.switch.receiver(from, &frame[HEADER..]) else { continue };
            let origin = self.origin;
            if let Fate::Now(to) = self.switch.offer(table.load(), from, to, frame, || origin.elapsed()) {
                let outcome = put(&self.ports, to, frame);
                self.switch.settle(from, to, length, outcome);
            }
        }
    }

    /// Delivers all packets whose time has come.
    fn deliver_due(&mut self, table: &mut Cache<&ArcSwap<LinkTable>, Arc<LinkTable>>) {
        while let Some(at) = self.switch.next_arrival() {
            let now = self.now();
            if at > now {
                return;
            }
            self.sweep_news();
            let ports = &self.ports;
            self.switch.deliver_next(now, table.load(), |to, frame| put(ports, to, frame));
        }
    }

    /// Sets the timer to the next arrival.
    fn set_alarm(&mut self) -> io::Result<()> {
        let Some(next) = self.switch.next_arrival() else { return Ok(()) };
        if self.alarm.is_some_and(|alarm| alarm <= next) {
            return Ok(());
        }
        // Zero would switch the timer off.
        let wait = next.saturating_sub(self.now()).max(Duration::from_nanos(1));
        self.timer.set(Expiration::OneShot(TimeSpec::from_duration(wait)), TimerSetTimeFlags::empty())?;
        self.alarm = Some(next);
        Ok(())
    }
}

/// Puts a packet into a node's device. A device that is not there or down takes packets as a cut link does.
fn put(ports: &[Option<Port>], to: u16, frame: &[u8]) -> Result<(), DropReason> {
    let Some(port) = ports.get(usize::from(to)).and_then(Option::as_ref) else { return Err(DropReason::Cut) };
    port.send(frame).map_err(|error| match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOMEM) => DropReason::Overflow,
        // EIO and ENETDOWN, and ENOBUFS from a packet socket: the device is down.
        _ => DropReason::Cut,
    })
}
