//! The docker backend on a real engine: the one that `DOCKER_HOST` names, or the usual one. Where none answers, each
//! test says so loudly and passes. Containers run a static busybox (`/bin/busybox`, Debian's `busybox-static`), since
//! no registry can be counted on; those on the wire also need root and the engine on this machine.

#![allow(clippy::unwrap_used, clippy::unused_self, reason = "a test that cannot go on panics")]

mod engine_loss;
mod faults;
mod images;
mod leftovers;
mod lifecycle;
mod own_engine;
mod scene;
mod seal;
mod wire;
