//! Packets between nodes: devices in namespaces, and the forwarder between them. The only privileged room.
