//! Networks that cannot work, refused before anything starts: members that lack a mate, and mixes of clients whose manifests
//! say that they cannot share a chain. Rules are data (`needs`, `compatible`), not code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::action::{AdapterSpec, ClientRef};
use crate::client::Client;
use crate::genesis::{Chain, Fork, Preset};
use crate::text::{Diagnostic, suggest};
use crate::topology::{Node, Topology};

/// What is looked at.
#[derive(Clone, Copy)]
pub(super) struct Mix<'a> {
    pub(super) topology: &'a Topology,
    pub(super) clients: &'a BTreeMap<ClientRef, Client>,
    pub(super) chain: Option<&'a Chain>,
}

/// How the key is called that lets such a mix start all the same.
const ALLOW: &str = "to start it all the same, and see: `allow_impossible_mix: true` in the scenario";

impl<'a> Mix<'a> {
    /// Nodes whose client needs a mate that its participant does not have, each client and mate once.
    pub(super) fn missing_mates(&self) -> Vec<Diagnostic> {
        let mut told: BTreeSet<(&ClientRef, &String)> = BTreeSet::new();
        let mut mistakes = Vec::new();
        for (node, client) in self.nodes() {
            let mates = self.topology.nodes.iter().filter(|other| {
                node.participant.is_some() && other.participant == node.participant && other.name != node.name
            });
            let mates: Vec<&str> = mates.filter_map(|mate| mate.member.as_deref()).collect();
            for need in client.needs.iter().filter(|need| !mates.contains(&need.as_str())) {
                if told.insert((&client.reference, need)) {
                    mistakes.push(missing_mate(node, client, need));
                }
            }
        }
        mistakes
    }

    /// Mixes that cannot work, as the manifests say it.
    pub(super) fn impossible(&self) -> Vec<Diagnostic> {
        let mut mistakes = self.strangers_to_the_chain();
        let firsts = self.first_nodes();
        for (position, (one, client)) in firsts.iter().enumerate() {
            for (other, other_client) in &firsts[position + 1..] {
                let layer = client.adapter.layer();
                // What shows no chain takes part in none.
                if layer != other_client.adapter.layer() || layer == AdapterSpec::Process.layer() {
                    continue;
                }
                let rules = no_common_rules(client, other_client);
                if rules.is_empty() {
                    continue;
                }
                // Nodes that share no network never meet.
                if let Some((one, other)) = self.meeting(one, other) {
                    mistakes.extend(rules.into_iter().map(|rule| rule.mistake((one, client), (other, other_client))));
                }
            }
        }
        mistakes
    }

    fn strangers_to_the_chain(&self) -> Vec<Diagnostic> {
        let Some(chain) = self.chain else { return Vec::new() };
        let mut mistakes = Vec::new();
        for (node, client) in self.first_nodes() {
            let compatible = &client.compatible;
            let family = chain.family().to_owned();
            let family = (format!("a chain with `genesis: {family}`"), family, "chains", &compatible.chains);
            let forks = forks_of(chain).into_iter();
            let forks = forks.map(|fork| (format!("a chain with the fork `{fork}`"), fork, "forks", &compatible.forks));
            let preset = preset_of(chain).map(str::to_owned);
            let preset =
                preset.map(|word| (format!("a chain with `preset: {word}`"), word, "presets", &compatible.presets));
            let unknown = std::iter::once(family).chain(forks).chain(preset).find_map(|(what, word, kind, known)| {
                let known = known.as_ref().filter(|known| !known.contains(&word))?;
                Some((what, kind, known))
            });
            // Who cannot run the chain at all need not hear of its forks.
            if let Some((what, kind, known)) = unknown {
                mistakes.push(
                    Diagnostic::error(format!("client `{}` cannot be part of {what}", client.reference))
                        .at(node.place, format!("{} runs it", node.name))
                        .help(format!(
                            "its manifest knows the {kind} {}: use one of them, or another client",
                            suggest::list(known)
                        ))
                        .help(ALLOW),
                );
            }
        }
        mistakes
    }

    fn nodes(&self) -> impl Iterator<Item = (&'a Node, &'a Client)> {
        let clients = self.clients;
        self.topology.nodes.iter().filter_map(move |node| Some((node, clients.get(&node.client)?)))
    }

    /// The first node of each client.
    fn first_nodes(&self) -> Vec<(&'a Node, &'a Client)> {
        let mut seen = BTreeSet::new();
        self.nodes().filter(|(node, _)| seen.insert(&node.client)).collect()
    }

    /// Nodes of two clients that share a network.
    fn meeting(&self, one: &Node, other: &Node) -> Option<(&'a Node, &'a Node)> {
        let of = |client: &ClientRef| -> Vec<&'a Node> {
            self.topology.nodes.iter().filter(|node| node.client == *client).collect()
        };
        let others = of(&other.client);
        of(&one.client).into_iter().find_map(|one| {
            let shares = |other: &&&Node| other.networks.iter().any(|network| one.networks.contains(network));
            others.iter().find(shares).map(|other| (one, *other))
        })
    }
}

/// The forks that a post-merge chain has from its genesis on or comes to.
fn forks_of(chain: &Chain) -> Vec<String> {
    match chain {
        Chain::Pos(pos) => {
            let later = pos.electra.map(|_| Fork::Electra).filter(|later| *later != pos.fork);
            [Some(pos.fork), later].into_iter().flatten().map(|fork| fork.to_string()).collect()
        }
        Chain::Beacon(_) | Chain::Clique(_) | Chain::Cometbft(_) => Vec::new(),
    }
}

/// The preset of a post-merge chain.
fn preset_of(chain: &Chain) -> Option<&'static str> {
    match chain {
        Chain::Pos(pos) => Some(match pos.preset {
            Preset::Mainnet => "mainnet",
            Preset::Minimal => "minimal",
            Preset::Custom => "custom",
        }),
        Chain::Beacon(_) | Chain::Clique(_) | Chain::Cometbft(_) => None,
    }
}

fn missing_mate(node: &Node, client: &Client, need: &str) -> Diagnostic {
    let reference = &client.reference;
    let place = format!("{} runs it", node.name);
    match &node.participant {
        Some(participant) => Diagnostic::error(format!(
            "client `{reference}` needs a mate `{need}`, and the participant {participant} has none"
        ))
        .at(node.place, place)
        .help(format!("add `{need}: CLIENT` to the `stack`")),
        None => {
            Diagnostic::error(format!("client `{reference}` needs a mate `{need}`, and {} stands alone", node.name))
                .at(node.place, place)
                .help(format!("make it a participant, for example `stack: {{{need}: CLIENT, NAME: {reference}}}`"))
        }
    }
}

/// A rule that two clients do not share.
enum Rule<'a> {
    /// No version of a protocol in common.
    Protocol { name: &'a str, versions: (&'a [u32], &'a [u32]) },
    /// Another word for the same rule.
    Same { name: &'a str, words: (&'a str, &'a str) },
}

fn no_common_rules<'a>(one: &'a Client, other: &'a Client) -> Vec<Rule<'a>> {
    let (own, theirs) = (&one.compatible, &other.compatible);
    let protocols = own.protocols.iter().filter_map(|(name, versions)| {
        let others = theirs.protocols.get(name)?;
        let common = versions.iter().any(|version| others.contains(version));
        (!common).then_some(Rule::Protocol { name, versions: (versions, others) })
    });
    let same = own.same.iter().filter_map(|(name, word)| {
        let other = theirs.same.get(name)?;
        (word != other).then_some(Rule::Same { name, words: (word, other) })
    });
    protocols.chain(same).collect()
}

impl Rule<'_> {
    fn mistake(&self, one: (&Node, &Client), other: (&Node, &Client)) -> Diagnostic {
        let clients = format!("`{}` and `{}`", one.1.reference, other.1.reference);
        let (message, said, remedy) = match self {
            Self::Protocol { name, versions: (own, theirs) } => (
                format!("clients {clients} have no version of the protocol `{name}` in common"),
                (format!("{name} {}", listed(own)), format!("{name} {}", listed(theirs))),
                format!(
                    "use versions of the clients that share a version of `{name}`, or networks that keep them apart"
                ),
            ),
            Self::Same { name, words: (own, theirs) } => (
                format!("clients {clients} do not share the rule `{name}`"),
                (format!("{name} {own}"), format!("{name} {theirs}")),
                format!("use clients (or variants) with the same `{name}`, or networks that keep them apart"),
            ),
        };
        let mistake = Diagnostic::error(message);
        let label = |node: &Node, said: &str| format!("{} has {said}", node.name);
        let mistake = if one.0.place == other.0.place {
            mistake.at(one.0.place, format!("{}, {}", label(one.0, &said.0), label(other.0, &said.1)))
        } else {
            mistake.at(one.0.place, label(one.0, &said.0)).at(other.0.place, label(other.0, &said.1))
        };
        mistake.help(remedy).help(ALLOW)
    }
}

fn listed<T: Display>(versions: &[T]) -> String {
    if versions.is_empty() {
        return "in no version".to_owned();
    }
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What is left of mistakes that the scenario allows: remarks of the plan.
pub(super) fn as_notes(mistakes: Vec<Diagnostic>) -> impl Iterator<Item = String> {
    mistakes.into_iter().map(|mistake| {
        let labels: Vec<String> =
            mistake.labels.into_iter().map(|label| label.text).filter(|text| !text.is_empty()).collect();
        format!("impossible mix, allowed by the scenario: {} ({})", mistake.message, labels.join("; "))
    })
}
