//! Which requests exist, what their protocol ids are, and how large their messages may be.

use std::fmt;

/// Blocks in one answer (`MAX_REQUEST_BLOCKS` before deneb).
pub const MAX_REQUEST_BLOCKS: u64 = 1024;
/// Uncompressed bytes of any message (`MAX_PAYLOAD_SIZE`).
pub const MAX_PAYLOAD_SIZE: usize = 10 * 1024 * 1024;
/// Bytes of the text in an error answer.
pub const MAX_ERROR_MESSAGE: usize = 256;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Who are you on, how far are you.
    Status,
    /// I am leaving.
    Goodbye,
    /// Are you there.
    Ping,
    /// Which subnets do you listen to.
    MetaData,
    /// Blocks of your chain by slot.
    BlocksByRange,
    /// Blocks by root.
    BlocksByRoot,
}

/// A kind of request in one version: what is negotiated on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Protocol {
    /// The kind.
    pub method: Method,
    /// The version, from 1 on.
    pub version: u8,
}

/// The first byte of every chunk of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseCode {
    /// 0: a payload follows.
    Success,
    /// 1: the request makes no sense.
    InvalidRequest,
    /// 2: the answering node failed.
    ServerError,
    /// 3: the answering node does not have it.
    ResourceUnavailable,
    /// Anything else; to be treated as an error.
    Other(u8),
}

impl Method {
    /// Its word in the protocol id.
    pub fn word(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Goodbye => "goodbye",
            Self::Ping => "ping",
            Self::MetaData => "metadata",
            Self::BlocksByRange => "beacon_blocks_by_range",
            Self::BlocksByRoot => "beacon_blocks_by_root",
        }
    }

    /// The versions the bundled client speaks, the preferred one first.
    pub fn versions(self) -> &'static [u8] {
        match self {
            Self::Status | Self::Goodbye | Self::Ping => &[1],
            Self::MetaData | Self::BlocksByRange | Self::BlocksByRoot => &[2, 1],
        }
    }

    /// The protocols of all versions, the preferred one first.
    pub fn protocols(self) -> impl Iterator<Item = Protocol> {
        self.versions().iter().map(move |&version| Protocol { method: self, version })
    }
}

impl Protocol {
    /// The id as it is negotiated.
    pub fn id(self) -> &'static str {
        match (self.method, self.version) {
            (Method::Status, 2) => "/eth2/beacon_chain/req/status/2/ssz_snappy",
            (Method::Status, _) => "/eth2/beacon_chain/req/status/1/ssz_snappy",
            (Method::Goodbye, _) => "/eth2/beacon_chain/req/goodbye/1/ssz_snappy",
            (Method::Ping, _) => "/eth2/beacon_chain/req/ping/1/ssz_snappy",
            (Method::MetaData, 1) => "/eth2/beacon_chain/req/metadata/1/ssz_snappy",
            (Method::MetaData, _) => "/eth2/beacon_chain/req/metadata/2/ssz_snappy",
            (Method::BlocksByRange, 1) => "/eth2/beacon_chain/req/beacon_blocks_by_range/1/ssz_snappy",
            (Method::BlocksByRange, _) => "/eth2/beacon_chain/req/beacon_blocks_by_range/2/ssz_snappy",
            (Method::BlocksByRoot, 1) => "/eth2/beacon_chain/req/beacon_blocks_by_root/1/ssz_snappy",
            (Method::BlocksByRoot, _) => "/eth2/beacon_chain/req/beacon_blocks_by_root/2/ssz_snappy",
        }
    }

    /// Whether each good chunk of an answer carries four bytes of fork digest before its length.
    pub fn has_context(self) -> bool {
        self.version >= 2 && matches!(self.method, Method::BlocksByRange | Method::BlocksByRoot)
    }

    /// Whether a request is nothing at all, not even a length.
    pub fn request_is_empty(self) -> bool {
        self.method == Method::MetaData
    }

    /// Smallest and largest SSZ length of a request.
    pub fn request_limits(self) -> (usize, usize) {
        match (self.method, self.version) {
            (Method::Status, 2) => (92, 92),
            (Method::Status, _) => (84, 84),
            (Method::Goodbye | Method::Ping, _) => (8, 8),
            (Method::MetaData, _) => (0, 0),
            (Method::BlocksByRange, _) => (24, 24),
            (Method::BlocksByRoot, _) => (0, 32 * MAX_REQUEST_BLOCKS as usize),
        }
    }

    /// Smallest and largest SSZ length of one chunk of an answer.
    pub fn response_limits(self) -> (usize, usize) {
        match (self.method, self.version) {
            (Method::Status, 2) => (92, 92),
            (Method::Status, _) => (84, 84),
            (Method::Goodbye | Method::Ping, _) => (8, 8),
            // A peer may know a later form with more fields; the first ones are what is read.
            (Method::MetaData, 1) => (16, 16),
            (Method::MetaData, _) => (17, 25),
            // A signed block is an offset, a signature and at least the fixed part of the block.
            (Method::BlocksByRange | Method::BlocksByRoot, _) => (184, MAX_PAYLOAD_SIZE),
        }
    }

    /// How many chunks an answer may have at most.
    pub fn maximum_chunks(self) -> usize {
        match self.method {
            Method::BlocksByRange | Method::BlocksByRoot => MAX_REQUEST_BLOCKS as usize,
            _ => 1,
        }
    }
}

impl AsRef<str> for Protocol {
    fn as_ref(&self) -> &str {
        self.id()
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl ResponseCode {
    /// Reads the byte.
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Success,
            1 => Self::InvalidRequest,
            2 => Self::ServerError,
            3 => Self::ResourceUnavailable,
            other => Self::Other(other),
        }
    }

    /// Writes the byte.
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::InvalidRequest => 1,
            Self::ServerError => 2,
            Self::ResourceUnavailable => 3,
            Self::Other(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_pattern_of_the_specification() {
        let methods = [
            Method::Status,
            Method::Goodbye,
            Method::Ping,
            Method::MetaData,
            Method::BlocksByRange,
            Method::BlocksByRoot,
        ];
        for protocol in methods.into_iter().flat_map(Method::protocols) {
            let expected = format!("/eth2/beacon_chain/req/{}/{}/ssz_snappy", protocol.method.word(), protocol.version);
            assert_eq!(protocol.id(), expected);
        }
    }

    #[test]
    fn only_version_two_of_the_block_protocols_has_context_bytes() {
        assert!(Protocol { method: Method::BlocksByRoot, version: 2 }.has_context());
        assert!(!Protocol { method: Method::BlocksByRoot, version: 1 }.has_context());
        assert!(!Protocol { method: Method::MetaData, version: 2 }.has_context());
    }

    #[test]
    fn every_byte_is_a_code() {
        for byte in 0..=255 {
            assert_eq!(ResponseCode::from_byte(byte).to_byte(), byte);
        }
    }
}
