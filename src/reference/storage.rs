//! The node's disk: one file that only ever grows.
//!
//! A record is `length (4, little-endian) · kind (1) · content · check (4)`; the check is the beginning of the SHA-256 of
//! kind and content. A process that is killed in the middle of a write leaves a torn record at the end; opening the file
//! cuts it off. Everything before it is whole, because records are written in one piece, one after the other.
//! Data reaches the disk proper whenever something becomes final; a killed process loses nothing, as the system keeps it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use sha2::{Digest, Sha256};
use ssz::{Decode as _, Encode as _};

use crate::consensus::DutyRecord;
use crate::eth2::{Root, SignedBeaconBlock};

const KIND_GENESIS: u8 = 0;
const KIND_BLOCK: u8 = 1;
const KIND_PROPOSED: u8 = 2;
const KIND_ATTESTED: u8 = 3;
/// No record is larger; a length above it is damage.
const MAX_CONTENT: usize = 16 * 1024 * 1024;

/// A record as it comes back from disk.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stored {
    Block(Box<SignedBeaconBlock>),
    Duty(DutyRecord),
}

/// The file and where its blocks are.
#[derive(Debug)]
pub(super) struct Storage {
    file: File,
    end: u64,
    blocks: BTreeMap<Root, (u64, u32)>,
}

impl Storage {
    /// Opens the file of a chain, or begins it. Returns what it holds, in the order it was written, and how many bytes of
    /// a torn end were cut off.
    pub(super) fn open(folder: &Path, genesis: Root) -> io::Result<(Self, Vec<Stored>, u64)> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join("chain.log");
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (records, whole) = read_records(&bytes);
        let torn = bytes.len() as u64 - whole;
        if torn > 0 {
            file.set_len(whole)?;
        }
        file.seek(SeekFrom::Start(whole))?;
        let mut storage = Self { file, end: whole, blocks: BTreeMap::new() };
        let mut stored = Vec::new();
        for (index, (kind, at, content)) in records.into_iter().enumerate() {
            match kind {
                KIND_GENESIS if index == 0 && content == genesis.as_slice() => {}
                _ if index == 0 => {
                    let reason = "it belongs to another chain; take another folder or remove it";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
                }
                KIND_BLOCK => {
                    if let Ok(block) = SignedBeaconBlock::from_ssz_bytes(content) {
                        storage.blocks.insert(block.message.root(), (at, content.len() as u32));
                        stored.push(Stored::Block(Box::new(block)));
                    }
                }
                _ => stored.extend(read_duty(kind, content).map(Stored::Duty)),
            }
        }
        if whole == 0 {
            storage.append(KIND_GENESIS, genesis.as_slice())?;
        }
        Ok((storage, stored, torn))
    }

    fn append(&mut self, kind: u8, content: &[u8]) -> io::Result<u64> {
        let mut record = Vec::with_capacity(content.len() + 9);
        record.extend((content.len() as u32).to_le_bytes());
        record.push(kind);
        record.extend(content);
        record.extend(check(kind, content));
        if let Err(error) = self.file.write_all(&record) {
            // A half-written record must not stand before the next one.
            self.file.set_len(self.end)?;
            self.file.seek(SeekFrom::Start(self.end))?;
            return Err(error);
        }
        let at = self.end + 5;
        self.end += record.len() as u64;
        Ok(at)
    }

    /// Stores a block, once.
    pub(super) fn put_block(&mut self, root: Root, block: &SignedBeaconBlock) -> io::Result<()> {
        if self.blocks.contains_key(&root) {
            return Ok(());
        }
        let content = block.as_ssz_bytes();
        let at = self.append(KIND_BLOCK, &content)?;
        self.blocks.insert(root, (at, content.len() as u32));
        Ok(())
    }

    /// Stores that a duty was done.
    pub(super) fn put_duty(&mut self, record: DutyRecord) -> io::Result<()> {
        let (kind, validator, number) = match record {
            DutyRecord::Proposed { validator, slot } => (KIND_PROPOSED, validator, slot),
            DutyRecord::Attested { validator, epoch } => (KIND_ATTESTED, validator, epoch),
        };
        self.append(kind, &[validator.to_le_bytes(), number.to_le_bytes()].concat()).map(drop)
    }

    /// The SSZ of a block.
    pub(super) fn block_bytes(&self, root: &Root) -> Option<Vec<u8>> {
        let &(at, length) = self.blocks.get(root)?;
        let mut content = vec![0; length as usize];
        self.file.read_exact_at(&mut content, at).ok()?;
        Some(content)
    }

    /// A block.
    pub(super) fn block(&self, root: &Root) -> Option<SignedBeaconBlock> {
        SignedBeaconBlock::from_ssz_bytes(&self.block_bytes(root)?).ok()
    }

    /// Brings all to the disk proper without waiting for it. Must be called inside the runtime.
    pub(super) fn sync_in_background(&self) {
        if let Ok(file) = self.file.try_clone() {
            tokio::task::spawn_blocking(move || file.sync_data());
        }
    }

    /// Waits until all is on the disk proper.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn check(kind: u8, content: &[u8]) -> [u8; 4] {
    let mut hash = Sha256::new();
    hash.update([kind]);
    hash.update(content);
    let whole: [u8; 32] = hash.finalize().into();
    [whole[0], whole[1], whole[2], whole[3]]
}

/// Kind, place of the content in the file, content.
type Record<'a> = (u8, u64, &'a [u8]);

/// All whole records with their kind and place, and where the first torn one begins.
fn read_records(bytes: &[u8]) -> (Vec<Record<'_>>, u64) {
    let (mut records, mut at) = (Vec::new(), 0usize);
    while let Some((header, rest)) = bytes[at..].split_first_chunk::<5>() {
        let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
        if length > MAX_CONTENT || rest.len() < length + 4 {
            break;
        }
        let (content, tail) = rest.split_at(length);
        if tail[..4] != check(header[4], content) {
            break;
        }
        records.push((header[4], at as u64 + 5, content));
        at += length + 9;
    }
    (records, at as u64)
}

fn read_duty(kind: u8, content: &[u8]) -> Option<DutyRecord> {
    let (first, second) = content.split_at_checked(8)?;
    let validator = u64::from_le_bytes(first.try_into().ok()?);
    let number = u64::from_le_bytes(second.try_into().ok()?);
    match kind {
        KIND_PROPOSED => Some(DutyRecord::Proposed { validator, slot: number }),
        KIND_ATTESTED => Some(DutyRecord::Attested { validator, epoch: number }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eth2::BeaconBlock;

    fn block(slot: u64) -> (Root, SignedBeaconBlock) {
        let message = BeaconBlock { slot, ..BeaconBlock::default() };
        (message.root(), SignedBeaconBlock { message, signature: [slot as u8; 96] })
    }

    fn filled(folder: &Path, blocks: u64) {
        let (mut storage, _, _) = Storage::open(folder, Root::repeat_byte(1)).unwrap();
        for slot in 1..=blocks {
            let (root, block) = block(slot);
            storage.put_block(root, &block).unwrap();
            storage.put_duty(DutyRecord::Attested { validator: 3, epoch: slot }).unwrap();
        }
    }

    #[test]
    fn what_is_stored_comes_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 3);
        let (storage, stored, torn) = Storage::open(folder.path(), Root::repeat_byte(1)).unwrap();
        assert_eq!((stored.len(), torn), (6, 0));
        assert_eq!(stored[0], Stored::Block(Box::new(block(1).1)));
        assert_eq!(stored[5], Stored::Duty(DutyRecord::Attested { validator: 3, epoch: 3 }));
        assert_eq!(storage.block(&block(2).0), Some(block(2).1));
        assert_eq!(storage.block(&block(9).0), None);
        storage.sync().unwrap();
    }

    #[test]
    fn another_chain_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 1);
        let error = Storage::open(folder.path(), Root::repeat_byte(2)).unwrap_err();
        assert!(error.to_string().contains("another chain"));
    }

    #[test]
    fn a_block_is_stored_once() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 1);
        let (mut storage, _, _) = Storage::open(folder.path(), Root::repeat_byte(1)).unwrap();
        let end = storage.end;
        let (root, block) = block(1);
        storage.put_block(root, &block).unwrap();
        assert_eq!(storage.end, end);
    }

    proptest! {
        /// Wherever the process died: what was whole is there, the rest is cut off, and writing goes on.
        #[test]
        fn a_torn_end_is_cut_off_at_any_place(cut in 0usize..1200, junk in proptest::collection::vec(any::<u8>(), 0..20)) {
            let folder = tempfile::tempdir().unwrap();
            filled(folder.path(), 3);
            let path = folder.path().join("chain.log");
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.truncate(cut.min(bytes.len()));
            let whole = read_records(&bytes).0.len();
            bytes.extend(junk);
            std::fs::write(&path, &bytes).unwrap();
            let (mut storage, stored, _) = Storage::open(folder.path(), Root::repeat_byte(1)).unwrap();
            prop_assert!(stored.len() + 1 >= whole);
            let (root, extra) = block(77);
            storage.put_block(root, &extra).unwrap();
            drop(storage);
            let (storage, again, torn) = Storage::open(folder.path(), Root::repeat_byte(1)).unwrap();
            prop_assert_eq!(torn, 0);
            prop_assert_eq!(again.len(), stored.len() + 1);
            prop_assert_eq!(storage.block(&root), Some(extra));
        }
    }
}
