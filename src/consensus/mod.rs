//! The bundled client's core: slots, blocks, fork choice, finality, sync. No sockets, no clock.
