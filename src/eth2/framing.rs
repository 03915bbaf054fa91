//! The `ssz_snappy` encoding of requests and answers (`specs/phase0/p2p-interface.md`, "Encoding strategies").
//!
//! A request is `varint(length) snappy-frames`; a chunk of an answer is `code [context] varint(length) snappy-frames`.
//! Each begins a new snappy stream. A reader of several chunks from one stream must stop exactly behind the last frame of
//! a chunk: a decoder that buffers swallows the next chunk's first byte. So [`PayloadReader`] does no reading itself. It
//! says how many bytes it wants next, and whoever owns the stream brings exactly those.

use std::io::{Read, Write};

use super::protocol::{MAX_ERROR_MESSAGE, ResponseCode};

const STREAM_IDENTIFIER: [u8; 10] = [0xff, 0x06, 0x00, 0x00, 0x73, 0x4e, 0x61, 0x50, 0x70, 0x59];
const FRAME_COMPRESSED: u8 = 0x00;
const FRAME_UNCOMPRESSED: u8 = 0x01;
const FRAME_STREAM_IDENTIFIER: u8 = 0xff;
/// Uncompressed bytes in one frame (snappy framing format, section 4.2).
const MAX_FRAME_CONTENT: usize = 65_536;

/// Why bytes are no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// More than ten bytes of length, or more bits than 64.
    #[error("the length prefix is no varint of at most ten bytes")]
    BadVarint,
    /// A longer form than necessary.
    #[error("the length prefix is not in its shortest form")]
    NotMinimal,
    /// Outside of what the type can have.
    #[error("the payload announces {length} bytes; this message has {minimum} to {maximum}")]
    BadLength {
        /// The announced length.
        length: u64,
        /// The least that the type can have.
        minimum: usize,
        /// The most that the type can have.
        maximum: usize,
    },
    /// More compressed bytes than any encoder makes.
    #[error("the payload needs more than {allowed} compressed bytes")]
    TooManyBytes {
        /// The allowance, `32 + n + n / 6`.
        allowed: usize,
    },
    /// A frame that must not stand where it stands.
    #[error("a snappy frame of type {kind:#04x} and {length} bytes must not stand here")]
    BadFrame {
        /// Type byte.
        kind: u8,
        /// Length of its body.
        length: usize,
    },
    /// The frames hold more than announced.
    #[error("the frames hold {found} bytes; {announced} were announced")]
    WrongContent {
        /// What was announced.
        announced: usize,
        /// What was there.
        found: usize,
    },
    /// The compressed data or a checksum is wrong.
    #[error("a snappy frame is damaged: {0}")]
    Damaged(String),
}

/// What a [`PayloadReader`] wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Exactly so many further bytes, at least one.
    Need(usize),
    /// Nothing; this is the SSZ.
    Done(Vec<u8>),
}

/// Compressed bytes that a payload of `length` bytes may take at most.
pub fn maximum_compressed_length(length: usize) -> usize {
    32 + length + length / 6
}

/// A request, or the part of a chunk behind code and context: length prefix and snappy frames.
pub fn encode_payload(ssz: &[u8]) -> Vec<u8> {
    let mut buffer = unsigned_varint::encode::u64_buffer();
    let prefix = unsigned_varint::encode::u64(ssz.len() as u64, &mut buffer);
    let mut encoder = snap::write::FrameEncoder::new(prefix.to_vec());
    // Writing to a vector cannot fail, and the encoder has no other errors.
    let _ = encoder.write_all(ssz);
    encoder.into_inner().unwrap_or_default()
}

/// A good chunk of an answer.
pub fn encode_chunk(context: Option<[u8; 4]>, ssz: &[u8]) -> Vec<u8> {
    let mut bytes = vec![ResponseCode::Success.to_byte()];
    bytes.extend(context.into_iter().flatten());
    bytes.extend(encode_payload(ssz));
    bytes
}

/// The last chunk of an answer that failed; the text is cut to 256 bytes. Error chunks never carry context bytes.
pub fn encode_error_chunk(code: ResponseCode, message: &str) -> Vec<u8> {
    let mut bytes = vec![code.to_byte()];
    bytes.extend(encode_payload(&message.as_bytes()[..message.len().min(MAX_ERROR_MESSAGE)]));
    bytes
}

/// Reads one payload, bytes brought from outside.
///
/// ```
/// use splitbrain::eth2::{PayloadReader, Step, encode_payload};
/// let wire = encode_payload(&[7; 8]);
/// let (mut reader, mut at) = (PayloadReader::new(8, 8), 0);
/// let mut step = reader.start();
/// while let Step::Need(count) = step {
///     step = reader.supply(&wire[at..at + count]).unwrap();
///     at += count;
/// }
/// assert_eq!(step, Step::Done(vec![7; 8]));
/// assert_eq!(at, wire.len());
/// ```
#[derive(Debug)]
pub struct PayloadReader {
    minimum: usize,
    maximum: usize,
    state: State,
    prefix: Vec<u8>,
    announced: usize,
    /// Bytes that the frames read so far unpack to.
    content: usize,
    frames: Vec<u8>,
    seen_identifier: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Prefix,
    FrameHeader,
    FrameBody { kind: u8, length: usize },
    Done,
}

impl PayloadReader {
    /// A reader for a message whose SSZ has `minimum..=maximum` bytes.
    pub fn new(minimum: usize, maximum: usize) -> Self {
        Self {
            minimum,
            maximum,
            state: State::Prefix,
            prefix: Vec::new(),
            announced: 0,
            content: 0,
            frames: Vec::new(),
            seen_identifier: false,
        }
    }

    /// What it wants first.
    pub fn start(&self) -> Step {
        Step::Need(1)
    }

    /// Takes the bytes it asked for and says what it wants next. A wrong number of bytes is a mistake of the caller and
    /// is answered with an error, as is a call after the end.
    pub fn supply(&mut self, bytes: &[u8]) -> Result<Step, FramingError> {
        match self.state {
            State::Prefix => self.take_prefix(bytes),
            State::FrameHeader => self.take_header(bytes),
            State::FrameBody { kind, length } => self.take_body(kind, length, bytes),
            State::Done => Err(FramingError::WrongContent { announced: self.announced, found: self.content }),
        }
    }

    fn take_prefix(&mut self, bytes: &[u8]) -> Result<Step, FramingError> {
        self.prefix.extend_from_slice(bytes);
        match unsigned_varint::decode::u64(&self.prefix) {
            Ok((length, _)) => {
                if length < self.minimum as u64 || length > self.maximum as u64 {
                    return Err(FramingError::BadLength { length, minimum: self.minimum, maximum: self.maximum });
                }
                self.announced = length as usize;
                if self.announced == 0 {
                    self.state = State::Done;
                    return Ok(Step::Done(Vec::new()));
                }
                self.state = State::FrameHeader;
                Ok(Step::Need(4))
            }
            Err(unsigned_varint::decode::Error::Insufficient) if self.prefix.len() < 10 => Ok(Step::Need(1)),
            Err(unsigned_varint::decode::Error::NotMinimal) => Err(FramingError::NotMinimal),
            Err(_) => Err(FramingError::BadVarint),
        }
    }

    fn take_header(&mut self, bytes: &[u8]) -> Result<Step, FramingError> {
        let &[kind, low, middle, high] = bytes else {
            return Err(FramingError::BadFrame { kind: 0, length: bytes.len() });
        };
        let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
        let fits = match kind {
            FRAME_STREAM_IDENTIFIER => length == 6,
            // A checksum of four bytes, and at least one byte of content.
            FRAME_COMPRESSED => self.seen_identifier && length > 4,
            FRAME_UNCOMPRESSED => self.seen_identifier && length > 4 && length <= MAX_FRAME_CONTENT + 4,
            // Padding and skippable frames are legal.
            0x80..=0xfe => self.seen_identifier,
            _ => false,
        };
        if !fits {
            return Err(FramingError::BadFrame { kind, length });
        }
        let allowed = maximum_compressed_length(self.announced);
        if self.frames.len() + 4 + length > allowed {
            return Err(FramingError::TooManyBytes { allowed });
        }
        self.frames.extend_from_slice(bytes);
        if length == 0 {
            return Ok(Step::Need(4));
        }
        self.state = State::FrameBody { kind, length };
        Ok(Step::Need(length))
    }

    fn take_body(&mut self, kind: u8, length: usize, bytes: &[u8]) -> Result<Step, FramingError> {
        if bytes.len() != length {
            return Err(FramingError::BadFrame { kind, length: bytes.len() });
        }
        self.frames.extend_from_slice(bytes);
        match kind {
            FRAME_STREAM_IDENTIFIER => {
                if bytes != &STREAM_IDENTIFIER[4..] {
                    return Err(FramingError::BadFrame { kind, length });
                }
                self.seen_identifier = true;
            }
            FRAME_UNCOMPRESSED => self.content += length - 4,
            FRAME_COMPRESSED => {
                let unpacked = snap::raw::decompress_len(&bytes[4..]).map_err(damaged)?;
                if unpacked == 0 || unpacked > MAX_FRAME_CONTENT {
                    return Err(FramingError::BadFrame { kind, length });
                }
                self.content += unpacked;
            }
            _ => {}
        }
        self.state = State::FrameHeader;
        if self.content < self.announced {
            return Ok(Step::Need(4));
        }
        self.state = State::Done;
        if self.content > self.announced {
            return Err(FramingError::WrongContent { announced: self.announced, found: self.content });
        }
        let mut ssz = Vec::with_capacity(self.announced);
        snap::read::FrameDecoder::new(self.frames.as_slice()).read_to_end(&mut ssz).map_err(damaged)?;
        if ssz.len() != self.announced {
            return Err(FramingError::WrongContent { announced: self.announced, found: ssz.len() });
        }
        Ok(Step::Done(ssz))
    }
}

fn damaged(error: impl std::fmt::Display) -> FramingError {
    FramingError::Damaged(error.to_string())
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
