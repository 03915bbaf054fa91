//! The bundled client's shell for real networks: libp2p, discv5, HTTP API, disk.
