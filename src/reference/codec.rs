//! Requests and answers on libp2p streams: `eth2`'s framing, driven by a stream's reads.

use std::io;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::request_response;
use ssz::{Decode as _, Encode as _};

use crate::eth2::{
    BlocksByRangeRequest, Goodbye, MAX_ERROR_MESSAGE, Method, PayloadReader, Ping, Protocol, ResponseCode, Root,
    Status, Step, decode_blocks_by_root, encode_blocks_by_root, encode_chunk, encode_error_chunk, encode_payload,
};

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Request {
    Status(Status),
    Goodbye(Goodbye),
    Ping(Ping),
    MetaData,
    BlocksByRange(BlocksByRangeRequest),
    BlocksByRoot(Vec<Root>),
}

/// An answer: the SSZ of its good chunks, and the error that ended it, if one did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) chunks: Vec<Vec<u8>>,
    pub(super) error: Option<(ResponseCode, String)>,
}

impl Answer {
    pub(super) fn one(value: &impl ssz::Encode) -> Self {
        Self { chunks: vec![value.as_ssz_bytes()], error: None }
    }

    pub(super) fn error(code: ResponseCode, message: &str) -> Self {
        Self { chunks: Vec::new(), error: Some((code, message.to_owned())) }
    }
}

/// Knows the network's digest, which stands before each block in version 2 of the block protocols.
#[derive(Clone, Debug)]
pub(super) struct Codec {
    pub(super) fork_digest: [u8; 4],
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

async fn read_payload<T: AsyncRead + Unpin + Send>(io: &mut T, limits: (usize, usize)) -> io::Result<Vec<u8>> {
    let mut reader = PayloadReader::new(limits.0, limits.1);
    let mut step = reader.start();
    loop {
        match step {
            Step::Done(ssz) => return Ok(ssz),
            Step::Need(count) => {
                let mut bytes = vec![0; count];
                io.read_exact(&mut bytes).await?;
                step = reader.supply(&bytes).map_err(invalid)?;
            }
        }
    }
}

/// One byte, or `None` where the stream ends.
async fn read_byte<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Option<u8>> {
    let mut byte = [0; 1];
    Ok((io.read(&mut byte).await? == 1).then_some(byte[0]))
}

fn decode_request(protocol: Protocol, ssz: &[u8]) -> Result<Request, String> {
    let wrong = |error: ssz::DecodeError| format!("{error:?}");
    Ok(match protocol.method {
        Method::Status => Request::Status(Status::from_ssz_bytes(ssz).map_err(wrong)?),
        Method::Goodbye => Request::Goodbye(Goodbye::from_ssz_bytes(ssz).map_err(wrong)?),
        Method::Ping => Request::Ping(Ping::from_ssz_bytes(ssz).map_err(wrong)?),
        Method::MetaData => Request::MetaData,
        Method::BlocksByRange => Request::BlocksByRange(BlocksByRangeRequest::from_ssz_bytes(ssz).map_err(wrong)?),
        Method::BlocksByRoot => Request::BlocksByRoot(decode_blocks_by_root(ssz).ok_or("a list of roots")?),
    })
}

impl request_response::Codec for Codec {
    type Protocol = Protocol;
    type Request = Request;
    type Response = Answer;

    async fn read_request<T>(&mut self, protocol: &Protocol, io: &mut T) -> io::Result<Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        let ssz =
            if protocol.request_is_empty() { Vec::new() } else { read_payload(io, protocol.request_limits()).await? };
        if read_byte(io).await?.is_some() {
            return Err(invalid("bytes after the end of the request"));
        }
        decode_request(*protocol, &ssz).map_err(invalid)
    }

    async fn read_response<T>(&mut self, protocol: &Protocol, io: &mut T) -> io::Result<Answer>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut answer = Answer::default();
        while answer.chunks.len() < protocol.maximum_chunks() {
            let Some(code) = read_byte(io).await? else { break };
            let code = ResponseCode::from_byte(code);
            if code != ResponseCode::Success {
                let message = read_payload(io, (0, MAX_ERROR_MESSAGE)).await.unwrap_or_default();
                answer.error = Some((code, String::from_utf8_lossy(&message).into_owned()));
                break;
            }
            if protocol.has_context() {
                let mut context = [0; 4];
                io.read_exact(&mut context).await?;
                if context != self.fork_digest {
                    return Err(invalid("a block of another fork"));
                }
            }
            answer.chunks.push(read_payload(io, protocol.response_limits()).await?);
        }
        Ok(answer)
    }

    async fn write_request<T>(&mut self, protocol: &Protocol, io: &mut T, request: Request) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let ssz = match request {
            Request::Status(status) => status.as_ssz_bytes(),
            Request::Goodbye(goodbye) => goodbye.as_ssz_bytes(),
            Request::Ping(ping) => ping.as_ssz_bytes(),
            Request::MetaData => Vec::new(),
            Request::BlocksByRange(range) => range.as_ssz_bytes(),
            Request::BlocksByRoot(roots) => encode_blocks_by_root(&roots),
        };
        if !protocol.request_is_empty() {
            io.write_all(&encode_payload(&ssz)).await?;
        }
        // Closing our half says that the request is complete; an empty one is nothing else.
        io.close().await
    }

    async fn write_response<T>(&mut self, protocol: &Protocol, io: &mut T, answer: Answer) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let context = protocol.has_context().then_some(self.fork_digest);
        for mut ssz in answer.chunks {
            // Version 1 of metadata is a beginning of version 2.
            ssz.truncate(protocol.response_limits().1);
            io.write_all(&encode_chunk(context, &ssz)).await?;
        }
        if let Some((code, message)) = answer.error {
            io.write_all(&encode_error_chunk(code, &message)).await?;
        }
        io.close().await
    }
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;
    use libp2p::request_response::Codec as _;

    use super::*;
    use crate::eth2::MetaDataV2;

    const CODEC: fn() -> Codec = || Codec { fork_digest: [1, 2, 3, 4] };

    fn block_on<F: Future>(future: F) -> F::Output {
        futures::executor::block_on(future)
    }

    fn protocol(method: Method, version: u8) -> Protocol {
        Protocol { method, version }
    }

    #[test]
    fn every_request_is_read_as_it_was_written() {
        for (method, request) in [
            (Method::Status, Request::Status(Status { head_slot: 7, ..Status::default() })),
            (Method::Goodbye, Request::Goodbye(Goodbye { reason: 1 })),
            (Method::Ping, Request::Ping(Ping { sequence_number: 42 })),
            (Method::MetaData, Request::MetaData),
            (Method::BlocksByRange, Request::BlocksByRange(BlocksByRangeRequest { start_slot: 1, count: 2, step: 1 })),
            (Method::BlocksByRoot, Request::BlocksByRoot(vec![Root::repeat_byte(1)])),
            (Method::BlocksByRoot, Request::BlocksByRoot(vec![])),
        ] {
            let mut wire = Cursor::new(Vec::new());
            block_on(CODEC().write_request(&protocol(method, 1), &mut wire, request.clone())).unwrap();
            let mut bytes = wire.into_inner();
            let back = block_on(CODEC().read_request(&protocol(method, 1), &mut Cursor::new(&bytes))).unwrap();
            assert_eq!(back, request);
            bytes.push(0);
            assert!(block_on(CODEC().read_request(&protocol(method, 1), &mut Cursor::new(&bytes))).is_err());
        }
    }

    #[test]
    fn several_blocks_and_an_error_come_through_in_both_versions() {
        let answer = Answer {
            chunks: vec![vec![1; 300], vec![2; 70_000]],
            error: Some((ResponseCode::ResourceUnavailable, "no more".into())),
        };
        for version in [1, 2] {
            let protocol = protocol(Method::BlocksByRange, version);
            let mut wire = Cursor::new(Vec::new());
            block_on(CODEC().write_response(&protocol, &mut wire, answer.clone())).unwrap();
            let bytes = wire.into_inner();
            assert_eq!(block_on(CODEC().read_response(&protocol, &mut Cursor::new(&bytes))).unwrap(), answer);
            if version == 2 {
                let other = &mut Codec { fork_digest: [9; 4] };
                assert!(block_on(other.read_response(&protocol, &mut Cursor::new(&bytes))).is_err());
            }
        }
    }

    #[test]
    fn metadata_is_cut_to_the_version_that_was_asked() {
        for (version, length) in [(1, 16), (2, 17)] {
            let mut wire = Cursor::new(Vec::new());
            let answer = Answer::one(&MetaDataV2::default());
            let protocol = protocol(Method::MetaData, version);
            block_on(CODEC().write_response(&protocol, &mut wire, answer)).unwrap();
            let back = block_on(CODEC().read_response(&protocol, &mut Cursor::new(wire.into_inner()))).unwrap();
            assert_eq!(back.chunks[0].len(), length);
        }
    }

    #[test]
    fn a_goodbye_may_stay_unanswered() {
        let back =
            block_on(CODEC().read_response(&protocol(Method::Goodbye, 1), &mut Cursor::new(Vec::new()))).unwrap();
        assert_eq!(back, Answer::default());
    }
}
