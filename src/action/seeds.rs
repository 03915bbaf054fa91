//! The seed tree: one seed in, any number of labelled streams out.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// A place in the seed tree.
///
/// `seeds.child("node/west-0/key")` depends on the root seed and on that label alone, so adding a node, a link or a
/// fault never shifts what another one draws. The streams are ChaCha20 and not the standard generator, whose
/// algorithm may change between releases: a seed from last year must give the same run today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds([u8; 32]);

impl Seeds {
    /// The root of the tree for the seed that a scenario or the command line names.
    pub fn root(seed: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"splitbrain seed v1");
        hash.update(seed.to_be_bytes());
        Self(hash.finalize().into())
    }

    /// The place below this one with the given label.
    pub fn child(&self, label: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(label.as_bytes());
        Self(hash.finalize().into())
    }

    /// A random stream of this place; called twice it gives the same stream twice.
    pub fn rng(&self) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(self.0)
    }

    /// 32 bytes of this place, for keys.
    pub fn bytes(&self) -> [u8; 32] {
        self.child("bytes").0
    }

    /// 64 bits of this place, for generators that take a small seed.
    pub fn number(&self) -> u64 {
        let bytes = self.child("number").0;
        u64::from_be_bytes(bytes[..8].try_into().expect("eight of thirty-two bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_depend_on_their_label_and_parent_alone() {
        let root = Seeds::root(42);
        assert_eq!(root.child("a"), Seeds::root(42).child("a"));
        assert_ne!(root.child("a"), root.child("b"));
        assert_ne!(root.child("a"), Seeds::root(43).child("a"));
        assert_ne!(root.child("a").bytes(), root.child("a").child("a").bytes());
    }

    #[test]
    fn the_tree_never_changes_between_releases() {
        assert_eq!(hex::encode(&Seeds::root(42).child("node/west-0/key").bytes()[..8]), "5ede7327db2725f7");
    }
}
