//! The wire of Ethereum's consensus layer, without any I/O: SSZ types, roots, fork digests, gossip topics and message
//! ids, node records, and the `ssz_snappy` framing of requests and responses.
//!
//! The rules are those of the consensus specifications (`specs/phase0/p2p-interface.md`, `specs/altair/p2p-interface.md`).
//! Blocks have the shape of phase 0 with a smaller body, because the bundled client has no deposits, slashings or BLS;
//! slot, proposer, parent root and state root stand at the same offsets as in every real fork, so one reader does for both.

mod blocks;
mod fork;
mod framing;
mod gossip;
mod messages;
mod protocol;
mod record;
mod state;

pub use blocks::{
    Attestation, AttestationBits, AttestationData, BeaconBlock, BeaconBlockBody, BeaconBlockHeader, Checkpoint, Epoch,
    MAX_ATTESTATIONS, MarkBytes, Root, SignedBeaconBlock, Slot, ValidatorIndex, root_from_hex, root_to_hex,
};
pub use fork::{
    BlobParameters, EnrForkId, FAR_FUTURE_EPOCH, ForkData, compute_fork_data_root, compute_fork_digest,
    compute_fork_digest_fulu,
};
pub use framing::{
    FramingError, PayloadReader, Step, encode_chunk, encode_error_chunk, encode_payload, maximum_compressed_length,
};
pub use gossip::{
    GossipError, Topic, TopicKind, compress_block, decompress_block, message_id, message_id_phase0,
    message_id_undecodable,
};
pub use messages::{
    BlocksByRangeRequest, BlocksByRootRequest, Goodbye, GoodbyeReason, MetaDataV1, MetaDataV2, Ping, Status, StatusV2,
    decode_blocks_by_root, encode_blocks_by_root,
};
pub use protocol::{MAX_ERROR_MESSAGE, MAX_PAYLOAD_SIZE, MAX_REQUEST_BLOCKS, Method, Protocol, ResponseCode};
pub use record::{
    NodeRecord, RecordError, build_record, fork_of_record, peer_id_of_public_key, peer_id_of_record, read_record,
};
pub use state::{
    Eth1Data, ExecutionPayloadHeader, Field, PresetSizes, StateFork, Validator, Validators, container_root,
    empty_body_root, empty_list_root, encode_container,
};
