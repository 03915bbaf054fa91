//! The wire: one forwarder thread and a device for each node.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use super::super::LinkCounters;
use super::{DeviceSetup, Namespace};
use crate::action::Seeds;
use crate::link::LinkTable;

/// The packet fabric of one run. Dropping it stops the forwarder and removes all devices.
#[derive(Debug)]
pub struct Wire {}

#[expect(unused_variables, reason = "skeleton")]
impl Wire {
    /// Starts the forwarder for so many nodes. `seeds` is where the links' random streams come from
    /// (`link/<from>/<to>` for each directed pair), `table` is the links' state at the start.
    pub fn start(nodes: u16, seeds: &Seeds, table: Arc<LinkTable>) -> io::Result<Self> {
        todo!()
    }

    /// Makes a device for the node in the namespace and puts it on the wire. An older device of the node is removed
    /// first. Blocks for some milliseconds: call it from a blocking thread.
    pub fn attach(&self, node: u16, namespace: &Namespace, device: &DeviceSetup) -> io::Result<()> {
        todo!()
    }

    /// Takes the node's device off the wire and removes it. Nothing happens if it has none. Blocks like `attach`.
    pub fn detach(&self, node: u16) -> io::Result<()> {
        todo!()
    }

    /// Takes the node's device down or brings it up again, addresses and routes included. Blocks like `attach`.
    pub fn set_interface_up(&self, node: u16, up: bool) -> io::Result<()> {
        todo!()
    }

    /// Takes one of the addresses off the node's own device or puts it back, for nodes in several networks.
    pub fn set_address(&self, node: u16, address: Ipv4Addr, present: bool) -> io::Result<()> {
        todo!()
    }

    /// Makes this table the state of all links in one atomic swap and returns the instant after it. Never blocks.
    pub fn set_links(&self, table: Arc<LinkTable>) -> Instant {
        todo!()
    }

    /// Counters of all directed links that ever saw a packet, in order of sender and receiver.
    pub fn counters(&self) -> Vec<LinkCounters> {
        todo!()
    }
}
