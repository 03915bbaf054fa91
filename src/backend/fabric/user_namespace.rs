//! Privilege over network namespaces without being root: a user namespace of our own (`user_namespaces(7)`).

use std::fs;
use std::io;

use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Gid, Uid};

/// Bit of `CAP_SYS_ADMIN` in the kernel's capability sets (capabilities(7)).
const SYS_ADMIN: u64 = 1 << 21;

/// Where this process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// Root of the machine (or of a container that may make namespaces).
    Root,
    /// An ordinary user in a user namespace, root inside it.
    UserNamespace,
    /// An ordinary user.
    None,
}

/// Where this process stands.
pub fn privilege() -> Privilege {
    if !may_administer() {
        Privilege::None
    } else if outer_uid() == Some(Uid::current().as_raw()) && Uid::current().is_root() {
        Privilege::Root
    } else {
        Privilege::UserNamespace
    }
}

/// Puts this process into a user namespace and a network namespace of its own, where it is root, if it may not make
/// network namespaces as it is. Returns whether it did.
///
/// Must be called while the process has one thread, so at the very start of `main`: the kernel refuses it later. Files
/// are still read and written as the user who called; Unix sockets (Docker's) are still reached, TCP ports of the
/// machine are not.
pub fn enter_user_namespace() -> io::Result<bool> {
    if may_administer() {
        return Ok(false);
    }
    let (uid, gid) = (Uid::effective(), Gid::effective());
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
    // The kernel lets an ordinary user map groups only when nobody inside can drop a group.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {uid} 1"))?;
    fs::write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    if may_administer() {
        Ok(true)
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "a user namespace was made, but a security module took all rights in it away",
        ))
    }
}

/// What a person can do where [`enter_user_namespace`] is refused.
pub fn user_namespace_remedy() -> String {
    let is = |path: &str, value: &str| fs::read_to_string(path).is_ok_and(|text| text.trim() == value);
    if is("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        "run as root, or allow user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0".to_owned()
    } else if is("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        "run as root, or allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1".to_owned()
    } else if is("/proc/sys/user/max_user_namespaces", "0") {
        "run as root, or allow user namespaces: sysctl -w user.max_user_namespaces=10000".to_owned()
    } else {
        "run as root; in a container, give it the capabilities SYS_ADMIN and NET_ADMIN".to_owned()
    }
}

/// The user's number outside of our user namespace: the one that names folders that processes inside and outside share.
pub fn real_uid() -> u32 {
    outer_uid().unwrap_or_else(|| Uid::current().as_raw())
}

fn outer_uid() -> Option<u32> {
    mapped(&fs::read_to_string("/proc/self/uid_map").ok()?, Uid::current().as_raw())
}

/// Looks a user up in a map of lines `first-inside first-outside count`.
fn mapped(map: &str, uid: u32) -> Option<u32> {
    map.lines().find_map(|line| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let (inside, outside, count) = (numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?);
        let place = uid.checked_sub(inside)?;
        (place < count).then(|| outside.wrapping_add(place))
    })
}

fn may_administer() -> bool {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    effective.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & SYS_ADMIN != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_looked_up_in_the_map() {
        assert_eq!(mapped("         0          0 4294967295\n", 1000), Some(1000));
        assert_eq!(mapped("0 1000 1\n", 0), Some(1000));
        assert_eq!(mapped("0 1000 1\n", 1), None);
        assert_eq!(mapped("0 1000 1\n1 100000 65536\n", 33), Some(100_032));
        assert_eq!(mapped("", 0), None);
    }
}
