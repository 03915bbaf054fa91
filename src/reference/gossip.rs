//! Gossip payloads: snappy at the door, ids over what is inside.

use std::io;

use libp2p::gossipsub::{DataTransform, Message, MessageId, RawMessage, TopicHash};

use crate::eth2::{compress_block, decompress_block, message_id};

/// Packs what goes out and unpacks what comes in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SnappyTransform;

impl DataTransform for SnappyTransform {
    fn inbound_transform(&self, raw: RawMessage) -> Result<Message, io::Error> {
        let data = decompress_block(&raw.data)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
        Ok(Message { source: raw.source, data, sequence_number: raw.sequence_number, topic: raw.topic })
    }

    fn outbound_transform(&self, _topic: &TopicHash, data: Vec<u8>) -> Result<Vec<u8>, io::Error> {
        Ok(compress_block(&data))
    }
}

/// The id of an unpacked message by the rule of altair.
pub(super) fn message_id_of(message: &Message) -> MessageId {
    MessageId::from(message_id(message.topic.as_str(), &message.data).to_vec())
}
