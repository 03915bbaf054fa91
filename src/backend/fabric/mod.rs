//! Packets between nodes: devices in namespaces, and the forwarder between them. The only privileged room.
//!
//! Every node has one device in its network namespace. What its processes send to another node's address comes out of
//! that device, passes the `link` model in the forwarder's single thread, and goes into the other node's device.

mod counters;
mod device;
mod forwarder;
mod kernel;
mod namespace;
mod netlink;
mod setup;
mod switch;
mod user_namespace;
mod wire;

pub use device::{DeviceKind, probe};
pub use namespace::Namespace;
pub use setup::{DeviceAddress, DeviceRoute, DeviceSetup, KeptHost};
pub use user_namespace::{Privilege, enter_user_namespace, privilege, real_uid, user_namespace_remedy};
pub use wire::Wire;
