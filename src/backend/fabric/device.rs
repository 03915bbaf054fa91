//! One node's device: a TUN device where `/dev/net/tun` may be opened, else a veth pair whose near end is read and
//! written through a packet socket.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::libc;
use nix::sys::socket::{setsockopt, sockopt};

use super::netlink::{self, Netlink};
use super::{DeviceSetup, Namespace, kernel};

/// Room for an Ethernet header before every packet in memory, so that both kinds of device can be served from one buffer.
pub(super) const HEADER: usize = 14;

/// Largest packet that a device may be set up for.
pub(super) const LARGEST_PACKET: usize = 9000;

/// Packets that may wait in a device until the forwarder takes them; the kernel's own default of 500 loses packets of
/// short bursts that no link is to blame for.
const DEVICE_QUEUE: u32 = 2048;

/// Hardware address of every node's end of a veth pair. All alike, so that a frame from one suits any other.
const NODE_HARDWARE_ADDRESS: [u8; 6] = [0x02, 0x53, 0x42, 0x00, 0x00, 0x01];

/// Bytes that a packet socket may hold; the kernel grants at most `net.core.rmem_max`.
const SOCKET_BUFFER: usize = 8 << 20;

/// How the devices of a wire are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// TUN devices.
    Tun,
    /// Pairs of veth devices and packet sockets.
    Packet,
}

/// The Ethernet header of every frame between nodes: to and from the one hardware address, IPv4.
pub(super) fn frame_header() -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..6].copy_from_slice(&NODE_HARDWARE_ADDRESS);
    header[6..12].copy_from_slice(&NODE_HARDWARE_ADDRESS);
    header[12..].copy_from_slice(&[0x08, 0x00]);
    header
}

/// The forwarder's end of a node's device.
#[derive(Debug)]
pub(super) struct Port {
    file: File,
    kind: DeviceKind,
}

impl Port {
    /// Takes a packet out of the device, if one waits, and puts it behind the header's room in the buffer.
    /// Returns the packet's length.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.kind {
            DeviceKind::Tun => (&self.file).read(&mut buffer[HEADER..]),
            DeviceKind::Packet => Ok((&self.file).read(buffer)?.saturating_sub(HEADER)),
        }
    }

    /// Puts a packet into the device. `frame` is the Ethernet header and the packet.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        let bytes = match self.kind {
            DeviceKind::Tun => &frame[HEADER..],
            DeviceKind::Packet => frame,
        };
        (&self.file).write(bytes).map(drop)
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A node's end of a device, as whoever manages it sees it.
#[derive(Clone, Debug)]
pub(super) struct Device {
    namespace: Namespace,
    setup: DeviceSetup,
    index: u32,
    /// Index of the near end of a veth pair, in the wire's own namespace.
    near: Option<u32>,
}

impl Device {
    /// Makes a device in the namespace, with addresses and routes, up and ready. `hub` is where the near ends of veth
    /// pairs live.
    pub(super) fn create(
        kind: DeviceKind,
        hub: &Namespace,
        namespace: &Namespace,
        setup: &DeviceSetup,
    ) -> io::Result<(Self, Port)> {
        if !(68..=LARGEST_PACKET).contains(&usize::from(setup.mtu)) {
            let message = format!("a device cannot have an MTU of {}: 68 to {LARGEST_PACKET} are possible", setup.mtu);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let (port, near) = match kind {
            DeviceKind::Tun => (None, None),
            DeviceKind::Packet => {
                let (port, near) = hub.run(|| make_pair(namespace, setup))??;
                (Some(port), Some(near))
            }
        };
        let made = Self::furnish(kind, namespace, setup, port, near);
        if let (Err(_), Some(near)) = (&made, near) {
            // The near end would otherwise stay until the wire ends.
            let _ = hub.run(|| Netlink::open()?.remove_link(near));
        }
        made
    }

    /// The part of making a device that is done inside the node's namespace.
    fn furnish(
        kind: DeviceKind,
        namespace: &Namespace,
        setup: &DeviceSetup,
        port: Option<Port>,
        near: Option<u32>,
    ) -> io::Result<(Self, Port)> {
        namespace.run(|| {
            let port = match port {
                Some(port) => port,
                None => open_tun(&setup.name)?,
            };
            let mut netlink = Netlink::open()?;
            let index = netlink::index_of(&setup.name)?;
            if kind == DeviceKind::Packet {
                kernel::switch_offloads_off(any_socket()?.as_fd(), &setup.name)?;
            }
            netlink.set_sizes(index, setup.mtu, DEVICE_QUEUE)?;
            netlink.set_up(netlink::LOOPBACK, true)?;
            for own in &setup.addresses {
                netlink.add_address(index, own.address, own.prefix)?;
            }
            netlink.set_up(index, true)?;
            let device = Self { namespace: namespace.clone(), setup: setup.clone(), index, near };
            device.add_routes(&mut netlink)?;
            Ok((device, port))
        })?
    }

    /// Addresses whose packets come to this device.
    pub(super) fn carries(&self) -> &[Ipv4Addr] {
        &self.setup.carries
    }

    fn add_routes(&self, netlink: &mut Netlink) -> io::Result<()> {
        for kept in &self.setup.keep {
            let through = netlink.link_with(kept.through)?;
            netlink.add_route(through, kept.host, 32, Some(kept.through))?;
        }
        for route in &self.setup.routes {
            netlink.add_route(self.index, route.destination, route.prefix, route.source)?;
        }
        Ok(())
    }

    /// Brings the device up, with its routes, or down.
    pub(super) fn set_up(&self, up: bool) -> io::Result<()> {
        self.namespace.run(|| {
            let mut netlink = Netlink::open()?;
            netlink.set_up(self.index, up)?;
            if up { self.add_routes(&mut netlink) } else { Ok(()) }
        })?
    }

    /// Puts one of the device's own addresses on it or takes it off. Nothing happens if that is so already.
    pub(super) fn set_address(&self, address: Ipv4Addr, present: bool) -> io::Result<()> {
        let Some(own) = self.setup.addresses.iter().find(|own| own.address == address) else {
            let message = format!("{address} is no address of the device {}", self.setup.name);
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        };
        self.namespace.run(|| {
            let mut netlink = Netlink::open()?;
            if present {
                netlink.add_address(self.index, own.address, own.prefix)
            } else {
                match netlink.remove_address(self.index, own.address, own.prefix) {
                    Err(error) if error.raw_os_error() == Some(libc::EADDRNOTAVAIL) => Ok(()),
                    done => done,
                }
            }
        })?
    }

    /// Removes the device from its namespace. A TUN device is gone when its port is dropped, and not before.
    pub(super) fn remove(self, hub: &Namespace, port: Port) -> io::Result<()> {
        drop(port);
        match self.near {
            None => Ok(()),
            // Both ends go together. If the node's namespace is gone, so is the pair.
            Some(near) => match hub.run(|| Netlink::open()?.remove_link(near))? {
                Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(()),
                done => done,
            },
        }
    }
}

/// Makes a TUN device in the calling thread's namespace.
fn open_tun(name: &str) -> io::Result<Port> {
    let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    kernel::make_tun(&file, name)?;
    Ok(Port { file, kind: DeviceKind::Tun })
}

/// Makes a veth pair between the calling thread's namespace and a node's.
fn make_pair(namespace: &Namespace, setup: &DeviceSetup) -> io::Result<(Port, u32)> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let near = format!("sb{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut netlink = Netlink::open()?;
    netlink.add_veth(&near, &setup.name, namespace.as_fd(), NODE_HARDWARE_ADDRESS)?;
    let index = netlink::index_of(&near)?;
    let port = (|| -> io::Result<Port> {
        kernel::switch_offloads_off(any_socket()?.as_fd(), &near)?;
        let socket = kernel::open_packet_socket(index)?;
        // Root of the machine gets as much as it asks for, an ordinary user as much as the machine allows.
        if setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &SOCKET_BUFFER)?;
        }
        if setsockopt(&socket, sockopt::SndBufForce, &SOCKET_BUFFER).is_err() {
            setsockopt(&socket, sockopt::SndBuf, &SOCKET_BUFFER)?;
        }
        netlink.set_sizes(index, setup.mtu, DEVICE_QUEUE)?;
        netlink.set_up(index, true)?;
        Ok(Port { file: File::from(socket), kind: DeviceKind::Packet })
    })();
    if port.is_err() {
        let _ = netlink.remove_link(index);
    }
    Ok((port?, index))
}

/// A socket for ioctls that ask for one of the namespace in question.
fn any_socket() -> io::Result<std::os::fd::OwnedFd> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
    Ok(socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?)
}

/// Which kind of device this process can make, found out by making one in a namespace of its own.
/// The error says why neither can be.
pub fn probe() -> io::Result<DeviceKind> {
    let hub = Namespace::create()?;
    let node = Namespace::create()?;
    let setup = DeviceSetup::own("probe0", &[(Ipv4Addr::new(192, 0, 2, 1), 24)]);
    let works = |kind| Device::create(kind, &hub, &node, &setup).and_then(|(device, port)| device.remove(&hub, port));
    match works(DeviceKind::Tun) {
        Ok(()) => Ok(DeviceKind::Tun),
        Err(tun) => match works(DeviceKind::Packet) {
            Ok(()) => Ok(DeviceKind::Packet),
            Err(packet) => {
                let message = format!("neither TUN devices ({tun}) nor veth pairs with packet sockets ({packet})");
                Err(io::Error::new(packet.kind(), message))
            }
        },
    }
}
