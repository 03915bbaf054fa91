//! The few kernel calls that no safe crate wraps: making a TUN device, switching offloads off, a thread's priority.
#![expect(
    unsafe_code,
    reason = "two ioctls, bind(2), setsockopt(2) and two calls for a thread's priority; every argument lives on this file's own stack"
)]

use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType};

/// `ETHTOOL_STXCSUM` and its siblings (linux/ethtool.h): one word each, 0 switches off. Switching the checksum off takes
/// segmentation (TSO) and with it packets larger than the MTU off the device.
const ETHTOOL_STXCSUM: u32 = 0x17;
const ETHTOOL_SSG: u32 = 0x19;
const ETHTOOL_STSO: u32 = 0x1f;
const ETHTOOL_SGSO: u32 = 0x24;
const ETHTOOL_SGRO: u32 = 0x2c;

/// `SIOCETHTOOL` (linux/sockios.h).
const SIOCETHTOOL: u64 = 0x8946;

#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// An interface request (`struct ifreq`, netdevice(7)) with only its name filled in.
fn request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: `ifreq` is plain bytes and integers, for which all zeros is a valid value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() || !name.is_ascii() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("`{name}` cannot be an interface's name")));
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    Ok(request)
}

/// Turns an open `/dev/net/tun` into a device that carries bare IP packets, in the calling thread's namespace.
pub(super) fn make_tun(file: &File, name: &str) -> io::Result<()> {
    let mut request = request(name)?;
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which outlives the call.
    done(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) })
}

/// Makes a device send packets as they are on paper: complete checksums, none larger than the MTU. `socket` is any
/// socket of the device's namespace.
pub(super) fn switch_offloads_off(socket: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    for command in [ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO, ETHTOOL_STXCSUM, ETHTOOL_SSG] {
        let mut value = EthtoolValue { command, data: 0 };
        let mut request = request(name)?;
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: SIOCETHTOOL with these commands reads the two words behind `ifru_data`, which outlive the call.
        let switched = done(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) });
        // Some kernels do not know one or the other; only the checksum must not stay on.
        if command == ETHTOOL_STXCSUM {
            switched?;
        }
    }
    Ok(())
}

/// Makes a packet socket (packet(7)) that sees exactly the IPv4 frames which a device of the calling thread's namespace
/// receives, and none that it sends. Non-blocking.
pub(super) fn open_packet_socket(index: u32) -> io::Result<OwnedFd> {
    // Protocol 0 until it is bound, or it would collect the frames of all devices in between.
    let kind = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = nix::sys::socket::socket(AddressFamily::Packet, SockType::Raw, kind, None)?;
    // SAFETY: `sockaddr_ll` is plain integers, for which all zeros is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_IP as u16).to_be();
    address.sll_ifindex = index as i32;
    let length = mem::size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: bind(2) reads `length` bytes of the address, which outlives the call.
    done(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
    // Straight into the device. Not only faster: a veth device whose other end has just come up has a queue that takes
    // packets and forgets them, until the kernel's link watcher has had its turn.
    let yes: libc::c_int = 1;
    let length = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: setsockopt(2) reads `length` bytes of the integer, which outlives the call.
    done(unsafe {
        let option = (libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS);
        libc::setsockopt(socket.as_raw_fd(), option.0, option.1, (&raw const yes).cast(), length)
    })?;
    Ok(socket)
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Asks that the calling thread runs as soon as it has something to do: the lowest real-time priority (sched(7)), else a
/// high ordinary one. Not granted to ordinary users, which is no error.
pub(super) fn hurry() {
    // SAFETY: `sched_param` is plain integers, for which all zeros is a valid value.
    let mut parameters: libc::sched_param = unsafe { mem::zeroed() };
    parameters.sched_priority = 1;
    // Children must not inherit it, should this thread ever have one.
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // SAFETY: sched_setscheduler(2) reads the parameters, which outlive the call; 0 names the calling thread.
    if done(unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) }).is_err() {
        // SAFETY: no memory is involved; 0 names the calling thread.
        let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -15) };
    }
}
