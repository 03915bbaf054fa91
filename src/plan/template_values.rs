//! What each hole of a client's templates stands for at one node.

use std::collections::BTreeSet;

use super::invocation::{Gap, One, Turn};
use super::keys::{fee_recipient, jwt_secret};
use super::mates;
use crate::client::{AccountPart, FilePlace, IdentityKind, Others, Template, ValidatorPart, Word};
use crate::genesis::{Family, KEYSTORE_PASSWORD, interop_keystore, validator_key};
use crate::text::Diagnostic;

impl One<'_, '_> {
    /// The text that takes a hole's place.
    pub(super) fn value(&self, word: &Word, template: &Template, turn: Turn<'_>) -> Result<String, Gap> {
        let (filler, known) = (self.filler, self.known);
        let place = template.place;
        let producer = filler.production.producers.get(&known.node.name);
        let validators = self.validators();
        let no_identity = |kind: &IdentityKind| {
            Gap::Other(
                Diagnostic::error(format!("client `{}` has no identity `{kind}`", known.client.reference))
                    .at(place, "asks for it")
                    .help(format!("declare it in the manifest: `identity: {{{kind}: {{}}}}`")),
            )
        };
        let main_network = || known.attachments.first().and_then(|first| filler.networks.get(&first.network));
        Ok(match word {
            Word::Name => known.node.name.to_string(),
            Word::Index => known.index.to_string(),
            Word::Address => known.address().to_string(),
            Word::Data => filler.data().to_owned(),
            Word::Files => filler.files().to_owned(),
            Word::File(name) => match self.files.get(name) {
                // So that an optional group with it is left out.
                Some(file) if matches!(file.place, FilePlace::PerValidator { .. }) && validators.is_empty() => {
                    String::new()
                }
                Some(file) => filler.file_path(file.place.path()),
                // A file of another role: this node does not have it.
                None => {
                    return Err(Gap::Other(
                        Diagnostic::error(format!(
                            "{} has no file `{name}`: it belongs to another role than `{}`",
                            known.node.name, known.node.role
                        ))
                        .at(place, "asks for it"),
                    ));
                }
            },
            Word::Port(name) => known.client.ports.get(name).map(u16::to_string).unwrap_or_default(),
            Word::NetworkCidr => {
                main_network().map(|network| format!("{}/{}", network.subnet, network.prefix)).unwrap_or_default()
            }
            Word::NetworkPrefix => main_network().map(|network| network.prefix.to_string()).unwrap_or_default(),
            Word::Key => known.key.secret_hex(),
            Word::Identity(kind) => known.identity(*kind, known.address()).ok_or_else(|| no_identity(kind))?,
            Word::Others { which, kind, quoted } => {
                let identities = filler.wires.identities(known, *which, *kind);
                if *quoted {
                    identities.iter().map(|identity| format!("\"{identity}\"")).collect::<Vec<_>>().join(", ")
                } else {
                    identities.join(",")
                }
            }
            Word::Each(kind) => match turn {
                Turn::Node(identity) => identity(*kind),
                Turn::None | Turn::Validator(_) => None,
            }
            .ok_or_else(|| no_identity(kind))?,
            Word::Validator(part) => match turn {
                Turn::Validator(index) if filler.production.family == Some(Family::Pos.word()) => {
                    of_validator(index, *part)
                }
                _ => {
                    return Err(Gap::Other(
                        Diagnostic::error("only validators of a post-merge chain have keys of this kind")
                            .at(place, "asks for one"),
                    ));
                }
            },
            Word::KeystorePassword => KEYSTORE_PASSWORD.to_owned(),
            Word::GenesisTime => "{genesis.time}".to_owned(),
            Word::Chain(key) => match filler.production.values.get(key) {
                Some(value) => value.clone(),
                None => return Err(Gap::Absent(self.no_chain_value(key, template))),
            },
            Word::GenesisTimeIso => "{genesis.time_iso}".to_owned(),
            Word::FirstValidator => validators.iter().min().map_or_else(String::new, u32::to_string),
            Word::LastValidator => validators.iter().max().map_or_else(String::new, u32::to_string),
            Word::ValidatorCount if validators.is_empty() => String::new(),
            Word::ValidatorCount => validators.len().to_string(),
            Word::NodeValue(key) => {
                let values = filler.production.node_values.get(&known.node.name);
                match values.and_then(|values| values.get(key)) {
                    Some(value) => value.clone(),
                    None => {
                        return Err(Gap::Other(
                            Diagnostic::error(format!("this chain makes no `{{node.{key}}}`"))
                                .at(place, "asked for here"),
                        ));
                    }
                }
            }
            Word::FeeRecipient => fee_recipient(filler.seeds, known.participant()),
            Word::Jwt => jwt_secret(filler.seeds, known.participant()),
            Word::Participant => known.participant().to_owned(),
            Word::Mate { member, part } => {
                mates::value(&filler.wires, known, member, part, place).map_err(|gap| match gap {
                    mates::Gap::NoMate(mistake) => Gap::Absent(mistake),
                    mates::Gap::NoPort(mistake) => Gap::Other(mistake),
                })?
            }
            Word::Validators => validators.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
            Word::Account(part) => {
                producer.and_then(|producer| producer.account.as_ref()).map_or_else(String::new, |account| {
                    match part {
                        AccountPart::Address => &account.address,
                        AccountPart::PrivateKey => &account.private_key,
                        AccountPart::Password => &account.password,
                    }
                    .clone()
                })
            }
            Word::PeerCount => {
                let others = filler.wires.others(known, Others::Peers);
                others.iter().map(|(other, _)| &other.node.name).collect::<BTreeSet<_>>().len().to_string()
            }
        })
    }

    /// Numbers of the validators that the node signs for.
    pub(super) fn validators(&self) -> &[u32] {
        let producer = self.filler.production.producers.get(&self.known.node.name);
        producer.map_or(&[][..], |producer| &producer.validators)
    }

    fn no_chain_value(&self, key: &str, template: &Template) -> Diagnostic {
        let client = &self.known.client.reference;
        let (message, help) = match self.filler.production.family {
            Some(family) => (
                format!(
                    "client `{client}` asks for `{{chain.{key}}}`, which a chain with `genesis: {family}` does not have"
                ),
                format!("use a client that can run a {family} chain, or another `chain:` in the scenario"),
            ),
            None => (
                format!("client `{client}` asks for `{{chain.{key}}}`, and the scenario has no `chain:`"),
                "say in the scenario what the genesis is made of, for example `chain: {genesis: clique, period: 2s}`"
                    .to_owned(),
            ),
        };
        Diagnostic::error(message).at(template.place, "asked for here").help(help)
    }
}

fn of_validator(index: u32, part: ValidatorPart) -> String {
    match part {
        ValidatorPart::Index => index.to_string(),
        ValidatorPart::PublicKey => hex::encode(validator_key(index).public),
        ValidatorPart::PrivateKey => hex::encode(validator_key(index).private),
        ValidatorPart::Keystore => interop_keystore(index),
    }
}
