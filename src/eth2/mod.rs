//! Consensus p2p wire: SSZ types, the ssz_snappy codec, fork digests, topics. Pure.
