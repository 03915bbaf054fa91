//! The few kernel calls that no safe crate wraps: making a TUN device, switching offloads off, a thread's priority.
#![expect(unsafe_code, reason = "three ioctls and setpriority(2); every argument lives on this file's own stack")]

use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::libc;

/// `ETHTOOL_STXCSUM` and its siblings (linux/ethtool.h): one word each, 0 switches off. Switching the checksum off takes
/// segmentation (TSO) and with it packets larger than the MTU off the device.
const ETHTOOL_STXCSUM: u32 = 0x17;
const ETHTOOL_SSG: u32 = 0x19;
const ETHTOOL_STSO: u32 = 0x1f;
const ETHTOOL_SGSO: u32 = 0x24;
const ETHTOOL_SGRO: u32 = 0x2c;

nix::ioctl_write_int!(tun_set_interface, b'T', 202);

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
    unsafe { tun_set_interface(file.as_raw_fd(), (&raw mut request) as libc::c_ulong) }?;
    Ok(())
}

/// Makes a device send packets as they are on paper: complete checksums, none larger than the MTU. `socket` is any
/// socket of the device's namespace.
pub(super) fn switch_offloads_off(socket: BorrowedFd<'_>, name: &str) -> io::Result<()> {
    for command in [ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO, ETHTOOL_STXCSUM, ETHTOOL_SSG] {
        let mut value = EthtoolValue { command, data: 0 };
        let mut request = request(name)?;
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: SIOCETHTOOL with these commands reads the two words behind `ifru_data`, which outlive the call.
        let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
        // Some kernels do not know one or the other; only the checksum must not stay on.
        if done < 0 && command == ETHTOOL_STXCSUM {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Asks for more of the processor for the calling thread. Not granted to ordinary users, which is no error.
pub(super) fn hurry() {
    // SAFETY: no memory is involved; 0 names the calling thread.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, -15) };
}
