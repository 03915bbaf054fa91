//! What each hole of a client's templates stands for at one node.

use std::collections::BTreeSet;

use super::invocation::{Gap, One};
use super::keys::{fee_recipient, jwt_secret};
use super::mates;
use crate::client::{AccountPart, IdentityKind, Others, Template, Word};
use crate::text::Diagnostic;

impl One<'_, '_> {
    /// The text that takes a hole's place; `each` names the node that `{each.…}` speaks of.
    pub(super) fn value(
        &self,
        word: &Word,
        template: &Template,
        each: Option<&dyn Fn(IdentityKind) -> Option<String>>,
    ) -> Result<String, Gap> {
        let (filler, known) = (self.filler, self.known);
        let place = template.place;
        let producer = filler.production.producers.get(&known.node.name);
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
                Some(file) => filler.file_path(&file.path),
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
            Word::Each(kind) => each.and_then(|each| each(*kind)).ok_or_else(|| no_identity(kind))?,
            Word::GenesisTime => "{genesis.time}".to_owned(),
            Word::Chain(key) => match filler.production.values.get(key) {
                Some(value) => value.clone(),
                None => return Err(Gap::Absent(self.no_chain_value(key, template))),
            },
            Word::GenesisTimeIso => "{genesis.time_iso}".to_owned(),
            Word::FirstValidator => {
                producer.and_then(|producer| producer.validators.iter().min()).map_or_else(String::new, u32::to_string)
            }
            Word::LastValidator => {
                producer.and_then(|producer| producer.validators.iter().max()).map_or_else(String::new, u32::to_string)
            }
            Word::ValidatorCount => producer
                .map(|producer| producer.validators.len())
                .filter(|count| *count > 0)
                .map_or_else(String::new, |count| count.to_string()),
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
            Word::Validators => {
                let validators = producer.map_or(&[][..], |producer| &producer.validators);
                validators.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
            }
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
