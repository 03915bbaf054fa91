//! What a run's networks are open to, in words for whoever starts it.

use std::collections::BTreeMap;

use crate::action::{Capabilities, Capability, NetworkName, NetworkSpec, Support};

/// A note for each network whose nodes reach more than each other: because the topology says so, or because this machine
/// cannot prevent it.
pub(super) fn notes(networks: &BTreeMap<NetworkName, NetworkSpec>, capabilities: &Capabilities) -> Vec<String> {
    let open = |network: &NetworkSpec| {
        let name = &network.name;
        if network.internet {
            return Some(format!(
                "network `{name}` has a way out (`internet: true`): its nodes reach the internet, services of the machine \
                 that the engine runs on, and that machine's name resolver"
            ));
        }
        match capabilities.support.get(&Capability::Seal) {
            Some(Support::Yes { .. }) => None,
            Some(Support::No { why, remedy }) => {
                Some(format!("network `{name}` is not sealed on this machine: {why}; to seal it, {remedy}"))
            }
            None => Some(format!("nobody knows whether network `{name}` is sealed on this machine")),
        }
    };
    networks.values().filter_map(open).collect()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::action::BackendKind;

    #[test]
    fn what_is_open_is_said_and_what_is_sealed_is_not() {
        let network = |name: &str, internet| {
            let name = NetworkName::new(name);
            let (subnet, gateway) = (Ipv4Addr::new(10, 77, 0, 0), Ipv4Addr::new(10, 77, 0, 1));
            (name.clone(), NetworkSpec { name, subnet, prefix: 16, gateway, internet })
        };
        let networks = BTreeMap::from([network("main", false), network("out", true)]);
        let mut able = Capabilities::everything(BackendKind::Docker);
        let told = notes(&networks, &able);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("network `out` has a way out"), "{told:?}");

        let no = Support::No { why: "no filter".to_owned(), remedy: "install one".to_owned() };
        able.support.insert(Capability::Seal, no);
        let told = notes(&networks, &able);
        assert_eq!(told[0], "network `main` is not sealed on this machine: no filter; to seal it, install one");
    }
}
