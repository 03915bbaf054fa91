//! Packets between nodes: devices in namespaces, and the forwarder between them. The only privileged room.
//!
//! Every node has one device in its network namespace. What its processes send to another node's address comes out of
//! that device, passes the `link` model in the forwarder's single thread, and goes into the other node's device.

mod namespace;
mod setup;
mod wire;

pub use namespace::Namespace;
pub use setup::{DeviceAddress, DeviceRoute, DeviceSetup, KeptHost};
pub use wire::Wire;
