//! What the native backend can do on this machine, found out by doing it.

use std::collections::BTreeMap;
use std::fs;

use super::super::fabric::{self, DeviceKind, Privilege};
use super::super::is_shortage_of_files;
use super::limits::GroupHome;
use super::view;
use crate::action::{BackendKind, Capabilities, Capability, Support};

/// Asks the machine. Blocks for some milliseconds.
pub(super) fn ask() -> Capabilities {
    let privilege = fabric::privilege();
    let who = match privilege {
        Privilege::Root => "root",
        Privilege::UserNamespace => "ordinary user in a user namespace",
        Privilege::None => "ordinary user",
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let devices = fabric::probe();
    let files = match view::possible() {
        Ok(()) => "each with a /tmp of its own and the names of the others".to_owned(),
        Err(why) => format!("all with the machine's /tmp and without names (no mount namespaces: {why})"),
    };
    let (groups, limits) = GroupHome::find();
    let mut support = BTreeMap::new();
    let needs_network = |how: &str| match &devices {
        Ok(_) => Support::Yes { how: how.to_owned() },
        Err(error) => Support::No {
            why: format!("this process ({who}) can make no network for a node: {error}"),
            remedy: if is_shortage_of_files(error) {
                "raise the limit of open files (`ulimit -n`)".to_owned()
            } else {
                fabric::user_namespace_remedy()
            },
        },
    };
    support.insert(Capability::Processes, needs_network(&format!("network namespaces, as {who}; {files}")));
    let wire = match devices {
        Ok(DeviceKind::Tun) => "TUN devices",
        Ok(DeviceKind::Packet) | Err(_) => "veth pairs and packet sockets (/dev/net/tun is closed to this user)",
    };
    support.insert(Capability::Wire, needs_network(wire));
    support.insert(Capability::Disconnect, needs_network("the interface goes down"));
    support.insert(Capability::Pause, Support::Yes { how: groups.how_frozen() });
    support.insert(
        Capability::Resources,
        match (groups.how_limited(), limits) {
            (Some(how), _) => Support::Yes { how },
            (None, why) => Support::No {
                why: format!("limits need control groups, and none can be made: {}", why.err().unwrap_or_default()),
                remedy: "run as root, or use the docker backend".to_owned(),
            },
        },
    );
    support.insert(
        Capability::Internet,
        Support::No {
            why: "networks of the native backend have no way out of the run".to_owned(),
            remedy: "use the docker backend for a network with `internet: true`".to_owned(),
        },
    );
    support.insert(Capability::Seal, needs_network("nodes' namespaces hold no interface of the machine"));
    Capabilities {
        backend: BackendKind::Native,
        engine: format!("child processes in network namespaces (Linux {}, {who})", kernel.trim()),
        support,
        root: privilege != Privilege::None,
    }
}
