//! Texts with holes: `--port={port.p2p}`. Parsed once, with every unknown word refused at its place.

use std::fmt;

use crate::text::{Diagnostic, Sp, Span, suggest};

/// A text whose holes are known words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    /// Where it is written, for messages about what it cannot be filled with.
    pub place: Span,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(Word),
}

/// What a hole is filled with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// `{name}`: the node's name.
    Name,
    /// `{index}`: its position in the plan.
    Index,
    /// `{address}`: its main address.
    Address,
    /// `{data}`: its data folder.
    Data,
    /// `{files}`: the folder of its files, for clients that look for several of them in one place.
    Files,
    /// `{files.NAME}`: path of one of its files.
    File(String),
    /// `{port.NAME}`: number of one of its ports.
    Port(String),
    /// `{network.cidr}`: range of its main network, `10.77.0.0/16`.
    NetworkCidr,
    /// `{network.prefix}`: length of the network part, `16`.
    NetworkPrefix,
    /// `{key.secp256k1}`: its private key, 64 hex digits.
    Key,
    /// `{identity.KIND}`: its own identity.
    Identity(IdentityKind),
    /// `{bootnodes.KIND}`, `{peers.KIND}`, `{neighbors.KIND}`: identities of other nodes, comma-separated;
    /// `{peers_toml.KIND}` as quoted strings.
    Others {
        /// Which nodes.
        which: Others,
        /// Which of their identities.
        kind: IdentityKind,
        /// Whether they are quoted strings, for the inside of a TOML or JSON list.
        quoted: bool,
    },
    /// `{each.KIND}`: the identity of one node, in wiring that is repeated for each.
    Each(IdentityKind),
    /// `{genesis.time}`: seconds since 1970. Filled in by the engine when the run starts.
    GenesisTime,
    /// `{genesis.time_iso}`: the same as RFC 3339 text.
    GenesisTimeIso,
    /// `{chain.KEY}`: a property of the shared genesis.
    Chain(&'static str),
    /// `{node.validators}`: numbers of its validators, comma-separated, empty if it has none.
    Validators,
    /// `{node.first_validator}`: the lowest of them; they are one range on post-merge chains. Empty if it has none.
    FirstValidator,
    /// `{node.last_validator}`: the highest of them. Empty if it has none.
    LastValidator,
    /// `{node.validator_count}`: how many they are. Empty if it has none.
    ValidatorCount,
    /// `{validator.PART}`: the validator that a file is made for.
    Validator(ValidatorPart),
    /// `{keystore.password}`: the password of `{validator.keystore}`.
    KeystorePassword,
    /// `{node.KEY}`: a file's content that a chain family makes for each node by itself (`node_key_json`, …).
    NodeValue(&'static str),
    /// `{participant}`: name of the participant that the node is a member of; its own name if it is in none.
    Participant,
    /// `{mate.MEMBER.PART}`: something of another member of the same participant.
    Mate {
        /// The member: `execution`, `consensus`, `validator`, or a word of the topology's own.
        member: String,
        /// What of it.
        part: MatePart,
    },
    /// `{secret.jwt}`: 64 hex digits that all members of a participant share (engine API, EIP-3675 authentication).
    Jwt,
    /// `{fee_recipient}`: `0x` and 40 hex digits, one for each participant.
    FeeRecipient,
    /// `{account.PART}`: the account it seals blocks with, empty if it has none.
    Account(AccountPart),
    /// `{peer_count}`: how many nodes it dials.
    PeerCount,
}

/// Something of another member of the same participant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatePart {
    /// `{mate.MEMBER.name}`.
    Name,
    /// `{mate.MEMBER.address}`.
    Address,
    /// `{mate.MEMBER.port.NAME}`.
    Port(String),
    /// `{mate.MEMBER.url.NAME}`: `http://ADDRESS:PORT`.
    Url(String),
    /// `{mate.MEMBER.host.NAME}`: `ADDRESS:PORT`.
    Host(String),
}

/// Which other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Others {
    /// The bootnodes.
    Bootnodes,
    /// The nodes it dials.
    Peers,
    /// The nodes it dials and the nodes that dial it, for clients that dial again only after a long time: whichever of
    /// two starts last reaches the other at once.
    Neighbors,
}

/// What a node is known as to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityKind {
    /// `enode://…`.
    Enode,
    /// `enr:…`.
    Enr,
    /// A libp2p peer id.
    PeerId,
    /// A libp2p multiaddress with the peer id.
    Multiaddr,
    /// `NODE-ID@ADDRESS:PORT` (CometBFT).
    Cometbft,
    /// `ADDRESS:PORT`.
    Host,
}

/// A part of one validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValidatorPart {
    /// Its number in the genesis state.
    Index,
    /// 96 hex digits.
    PublicKey,
    /// 64 hex digits.
    PrivateKey,
    /// An EIP-2335 key store, JSON.
    Keystore,
}

/// A part of a sealer's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccountPart {
    /// `0x` and 40 hex digits, lower case.
    Address,
    /// 64 hex digits.
    PrivateKey,
    /// A password for the client's key store.
    Password,
}

/// What `{chain.KEY}` can name. Which of them there are depends on the scenario's chain.
pub const CHAIN_KEYS: [&str; 15] = [
    "slot_ms",
    "slots_per_epoch",
    "validators",
    "seed",
    "chain_id",
    "period",
    "gas_limit",
    "genesis_json",
    "genesis_ssz",
    "config_yaml",
    "fork",
    "preset",
    "deposit_contract",
    "app",
    "block_time",
];

/// What `{node.KEY}` can name besides its validators: contents that the chain family makes for each node.
pub const NODE_KEYS: [&str; 3] = ["node_key_json", "priv_validator_key_json", "priv_validator_state_json"];

const IDENTITY_KINDS: [(&str, IdentityKind); 6] = [
    ("enode", IdentityKind::Enode),
    ("enr", IdentityKind::Enr),
    ("peer_id", IdentityKind::PeerId),
    ("multiaddr", IdentityKind::Multiaddr),
    ("cometbft", IdentityKind::Cometbft),
    ("host", IdentityKind::Host),
];

const VALIDATOR_PARTS: [(&str, ValidatorPart); 4] = [
    ("index", ValidatorPart::Index),
    ("public_key", ValidatorPart::PublicKey),
    ("private_key", ValidatorPart::PrivateKey),
    ("keystore", ValidatorPart::Keystore),
];

/// Members whose words are suggested; others are known too.
const MEMBERS: [&str; 3] = ["execution", "consensus", "validator"];

impl fmt::Display for IdentityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, _) = IDENTITY_KINDS.iter().find(|(_, kind)| kind == self).expect("all kinds stand in the table");
        f.pad(name)
    }
}

impl IdentityKind {
    /// Reads `enode`, `enr`, `peer_id` or `multiaddr`.
    pub fn parse(text: &str) -> Option<Self> {
        IDENTITY_KINDS.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind)
    }

    /// All words.
    pub fn all() -> impl Iterator<Item = &'static str> {
        IDENTITY_KINDS.iter().map(|(name, _)| *name)
    }
}

/// What templates of one manifest may name besides the fixed words.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// Names of files.
    pub files: Vec<String>,
    /// Names of ports.
    pub ports: Vec<String>,
    /// Whether `{each.KIND}` has a meaning here.
    pub each: bool,
    /// Whether `{validator.PART}` has a meaning here.
    pub validator: bool,
}

impl Vocabulary {
    fn words(&self) -> Vec<String> {
        let fixed = [
            "name",
            "index",
            "address",
            "data",
            "files",
            "network.cidr",
            "network.prefix",
            "key.secp256k1",
            "genesis.time",
            "genesis.time_iso",
            "node.validators",
            "node.first_validator",
            "node.last_validator",
            "node.validator_count",
            "participant",
            "secret.jwt",
            "fee_recipient",
            "account.address",
            "account.private_key",
            "account.password",
            "keystore.password",
            "peer_count",
        ];
        let mut words: Vec<String> = fixed.iter().map(ToString::to_string).collect();
        words.extend(self.files.iter().map(|name| format!("files.{name}")));
        words.extend(self.ports.iter().map(|name| format!("port.{name}")));
        words.extend(CHAIN_KEYS.iter().map(|key| format!("chain.{key}")));
        words.extend(NODE_KEYS.iter().map(|key| format!("node.{key}")));
        for member in MEMBERS {
            words.extend([format!("mate.{member}.name"), format!("mate.{member}.address")]);
            for kind in ["port", "url", "host"] {
                words.push(format!("mate.{member}.{kind}.rpc"));
            }
        }
        if self.validator {
            words.extend(VALIDATOR_PARTS.iter().map(|(part, _)| format!("validator.{part}")));
        }
        let mut groups =
            vec!["identity", "bootnodes", "bootnodes_toml", "peers", "peers_toml", "neighbors", "neighbors_toml"];
        if self.each {
            groups.push("each");
        }
        for group in groups {
            words.extend(IdentityKind::all().map(|kind| format!("{group}.{kind}")));
        }
        words
    }

    fn word(&self, text: &str) -> Option<Word> {
        let (group, key) = text.split_once('.').unwrap_or((text, ""));
        let others = |which, quoted| IdentityKind::parse(key).map(|kind| Word::Others { which, kind, quoted });
        Some(match (group, key) {
            ("name", "") => Word::Name,
            ("index", "") => Word::Index,
            ("address", "") => Word::Address,
            ("data", "") => Word::Data,
            ("files", "") => Word::Files,
            ("peer_count", "") => Word::PeerCount,
            ("files", _) if self.files.iter().any(|name| name == key) => Word::File(key.to_owned()),
            ("port", _) if self.ports.iter().any(|name| name == key) => Word::Port(key.to_owned()),
            ("network", "cidr") => Word::NetworkCidr,
            ("network", "prefix") => Word::NetworkPrefix,
            ("key", "secp256k1") => Word::Key,
            ("identity", _) => Word::Identity(IdentityKind::parse(key)?),
            ("bootnodes", _) => others(Others::Bootnodes, false)?,
            ("bootnodes_toml", _) => others(Others::Bootnodes, true)?,
            ("peers", _) => others(Others::Peers, false)?,
            ("peers_toml", _) => others(Others::Peers, true)?,
            ("neighbors", _) => others(Others::Neighbors, false)?,
            ("neighbors_toml", _) => others(Others::Neighbors, true)?,
            ("each", _) if self.each => Word::Each(IdentityKind::parse(key)?),
            ("validator", _) if self.validator => {
                Word::Validator(VALIDATOR_PARTS.iter().find(|(part, _)| *part == key).map(|(_, part)| *part)?)
            }
            ("keystore", "password") => Word::KeystorePassword,
            ("genesis", "time") => Word::GenesisTime,
            ("genesis", "time_iso") => Word::GenesisTimeIso,
            ("chain", _) => Word::Chain(CHAIN_KEYS.iter().find(|known| **known == key)?),
            ("node", "validators") => Word::Validators,
            ("node", "first_validator") => Word::FirstValidator,
            ("node", "last_validator") => Word::LastValidator,
            ("node", "validator_count") => Word::ValidatorCount,
            ("node", _) => Word::NodeValue(NODE_KEYS.iter().find(|known| **known == key)?),
            ("participant", "") => Word::Participant,
            ("secret", "jwt") => Word::Jwt,
            ("fee_recipient", "") => Word::FeeRecipient,
            ("mate", _) => mate(key)?,
            ("account", "address") => Word::Account(AccountPart::Address),
            ("account", "private_key") => Word::Account(AccountPart::PrivateKey),
            ("account", "password") => Word::Account(AccountPart::Password),
            _ => return None,
        })
    }
}

/// `MEMBER.PART` after `mate.`. Ports are another manifest's: whether they exist is known when the plan is made.
fn mate(text: &str) -> Option<Word> {
    let (member, part) = text.split_once('.')?;
    let part = match part.split_once('.').unwrap_or((part, "")) {
        ("name", "") => MatePart::Name,
        ("address", "") => MatePart::Address,
        ("port", name) if !name.is_empty() => MatePart::Port(name.to_owned()),
        ("url", name) if !name.is_empty() => MatePart::Url(name.to_owned()),
        ("host", name) if !name.is_empty() => MatePart::Host(name.to_owned()),
        _ => return None,
    };
    (!member.is_empty()).then(|| Word::Mate { member: member.to_owned(), part })
}

impl Template {
    /// Reads a text. `source` is the file it stands in, if there is one: then a mistake is shown at its very word.
    pub fn parse(written: &Sp<String>, vocabulary: &Vocabulary, source: &str) -> Result<Self, Diagnostic> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut rest = written.value.as_str();
        while let Some(brace) = rest.find(['{', '}']) {
            text.push_str(&rest[..brace]);
            rest = &rest[brace..];
            if let Some(after) = rest.strip_prefix("{{") {
                text.push('{');
                rest = after;
            } else if let Some(after) = rest.strip_prefix("}}") {
                text.push('}');
                rest = after;
            } else if let Some(inside) = rest.strip_prefix('{') {
                let end = inside.find('}').ok_or_else(|| {
                    Diagnostic::error("a `{` without its `}`")
                        .at(written.span, "a template ends with `}`")
                        .help("write `{{` for a brace that is no template")
                })?;
                let word = &inside[..end];
                let known = vocabulary.word(word).ok_or_else(|| {
                    let candidates = vocabulary.words();
                    let place = narrow(written.span, source, &format!("{{{word}}}"));
                    let mut diagnostic =
                        Diagnostic::error(format!("there is no template `{{{word}}}`")).at(place, "unknown template");
                    diagnostic.help = match suggest::did_you_mean(word, candidates.iter().map(String::as_str)) {
                        Some(near) => vec![format!("did you mean `{{{near}}}`?")],
                        None => vec!["write `{{` and `}}` for braces that are no template".to_owned()],
                    };
                    diagnostic
                })?;
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Hole(known));
                rest = &inside[end + 1..];
            } else {
                return Err(Diagnostic::error("a `}` without its `{`")
                    .at(written.span, "closes nothing")
                    .help("write `}}` for a brace that is no template"));
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self { parts, place: written.span })
    }

    /// Fills the holes in. The first word that has no value is the error.
    pub fn fill<E>(&self, mut value: impl FnMut(&Word) -> Result<String, E>) -> Result<String, E> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Hole(word) => filled.push_str(&value(word)?),
            }
        }
        Ok(filled)
    }

    /// The words in its holes.
    pub fn words(&self) -> impl Iterator<Item = &Word> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(word) => Some(word),
            Part::Text(_) => None,
        })
    }
}

/// The place of a word inside a longer place, if it stands there as written.
pub(super) fn narrow(place: Span, source: &str, word: &str) -> Span {
    let Some(slice) = source.get(place.start as usize..place.end as usize) else { return place };
    let Some(offset) = slice.find(word) else { return place };
    let start = place.start + offset as u32;
    Span { start, end: start + word.len() as u32, ..place }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Template, Diagnostic> {
        let vocabulary = Vocabulary { files: vec!["genesis".into()], ports: vec!["p2p".into()], ..Default::default() };
        let span = Span { source: 1, start: 0, end: text.len() as u32 };
        Template::parse(&Sp::new(text.to_owned(), span), &vocabulary, text)
    }

    fn fill(text: &str) -> String {
        let filled = parse(text).unwrap().fill(|word| Ok::<_, ()>(format!("<{word:?}>")));
        filled.unwrap()
    }

    #[test]
    fn holes_are_filled_and_doubled_braces_are_braces() {
        assert_eq!(fill("--port={port.p2p}"), "--port=<Port(\"p2p\")>");
        assert_eq!(fill("{{\"a\": {index}}}"), "{\"a\": <Index>}");
        assert_eq!(fill("plain"), "plain");
        assert_eq!(fill(""), "");
    }

    #[test]
    fn unknown_words_are_refused_at_their_place_with_a_suggestion() {
        let mistake = parse("--port={port.p2q} x").unwrap_err();
        assert_eq!(mistake.message, "there is no template `{port.p2q}`");
        assert_eq!((mistake.labels[0].span.start, mistake.labels[0].span.end), (7, 17));
        assert_eq!(mistake.help, ["did you mean `{port.p2p}`?"]);
        assert!(parse("{each.enode}").is_err(), "only wiring with `each` knows the word");
        assert!(parse("{open").is_err());
        assert!(parse("close}").is_err());
    }

    #[test]
    fn every_word_that_is_suggested_is_known() {
        let vocabulary = Vocabulary { files: vec!["f".into()], ports: vec!["p".into()], each: true, validator: true };
        for word in vocabulary.words() {
            assert!(vocabulary.word(&word).is_some(), "{word}");
        }
    }
}
