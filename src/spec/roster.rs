//! The clients that there are, each version once, and the small networks that show them: alone (what command lines does a
//! client get?) and in pairs (can these two share a chain?). Chosen by what manifests say, so that a new client folder is
//! part of it at once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::library::{FileKind, Library};
use super::overrides::Overrides;
use super::read::{ScenarioFile, read_scenario};
use crate::action::AdapterSpec;
use crate::client::{Client, MatePart, Template, Word};
use crate::text::{Severity, Sources};

/// Chain family whose nodes are participants.
const POST_MERGE: &str = "pos";

/// Role of clients that sign for validators beside a beacon node.
const SIGNER: &str = "validator";

/// The named call with which a client of a chain without rounds or slots makes a block.
const MINE: &str = "mine";

/// Preset whose slots last as long as those of the public network.
const MAINNET_PRESET: &str = "mainnet";

/// All clients of a library.
#[derive(Clone, Debug)]
pub struct Roster {
    clients: Vec<Client>,
}

/// Two clients of one layer and chain family, and whether they can share a chain.
#[derive(Clone, Debug)]
pub struct Pair<'a> {
    /// One.
    pub one: &'a Client,
    /// The other; the same version stands beside itself in no pair.
    pub other: &'a Client,
    /// The chain family; `None` for clients that bring their own chain along.
    pub family: Option<String>,
    /// A scenario in which both are, or why there is none.
    pub network: Result<String, String>,
}

impl Roster {
    /// Each version of each client once: a client that is the same with and without a variant is known by the variant.
    pub fn new(mut clients: Vec<Client>) -> Self {
        clients.sort_by_cached_key(|client| client.reference.to_string());
        let same = |client: &Client| {
            clients.iter().any(|other| {
                other.reference.name == client.reference.name
                    && other.reference.variant.is_some()
                    && client.reference.variant.is_none()
                    && (&other.native, &other.image) == (&client.native, &client.image)
            })
        };
        let twice: BTreeSet<String> =
            clients.iter().filter(|client| same(client)).map(|client| client.reference.to_string()).collect();
        clients.retain(|client| !twice.contains(&client.reference.to_string()));
        Self { clients }
    }

    /// The clients, in order of their names.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.clients.iter()
    }

    /// All pairs within a layer and a chain family, in order of their names. What can share a chain is decided as for every
    /// scenario: by reading it.
    pub fn pairs(&self, library: &dyn Library) -> Vec<Pair<'_>> {
        let mut pairs = Vec::new();
        for (position, one) in self.clients.iter().enumerate() {
            for other in &self.clients[position + 1..] {
                let layer = one.adapter.layer();
                if layer != other.adapter.layer() || layer == AdapterSpec::Process.layer() {
                    continue;
                }
                for family in families_of_both(one, other) {
                    let network = self.network(&[one, other], family.as_deref());
                    let network = network.and_then(|text| refusal(library, &text).map_or(Ok(text), Err));
                    pairs.push(Pair { one, other, family, network });
                }
            }
        }
        pairs
    }

    /// A scenario of a few nodes that makes blocks, with a node of each of these clients.
    ///
    /// # Errors
    ///
    /// What is missing for it: a mate, or a chain family.
    pub fn network(&self, clients: &[&Client], family: Option<&str>) -> Result<String, String> {
        let names: Vec<String> = clients.iter().map(|client| client.reference.to_string()).collect();
        let mut text =
            format!("name: pair\ndescription: {} on one chain.\nseed: 1\ntimeout: 8m\n", names.join(" and "));
        let watched = match family {
            Some(POST_MERGE) => self.post_merge(clients, &mut text)?,
            family => single_nodes(clients, family, &mut text)?,
        };
        // With half of the stake each, the newest blocks of a post-merge chain may be two for a slot: it must come to one head
        // within a while, counted from a question that changes nothing.
        let agree = match family {
            Some(POST_MERGE) => {
                write!(
                    text,
                    "timeline:\n  - {{name: settle, at: {}s, send: {{rpc: {{nodes: node-0.execution, method: eth_blockNumber}}}}}}\n",
                    watched / 2
                )
                .expect("writing to a string");
                format!("{{after: settle, within: {}s, that: {{agree: {{on: head}}}}}}", watched / 2)
            }
            _ => format!("{{at: {watched}s, that: {{agree: {{on: head, depth: 4}}}}}}"),
        };
        let end = format!(
            "expect:\n  - {{ready: {{within: 120s}}}}\n  - {agree}\n  \
             - {{at_end: true, that: {{progress: {{blocks: 3}}}}}}\n"
        );
        Ok(text + &end)
    }

    /// Participants around the clients; the mates are those that were tried and know most. Gives the seconds to watch.
    fn post_merge(&self, clients: &[&Client], text: &mut String) -> Result<u64, String> {
        let fork = in_common(clients, |client| client.compatible.forks.as_deref())
            .map_err(|()| format!("{} know no fork in common", listed(clients)))?;
        let preset = in_common(clients, |client| client.compatible.presets.as_deref())
            .map_err(|()| format!("{} know no preset in common", listed(clients)))?;
        let chosen = Chosen { fork: fork.as_deref(), preset: preset.as_deref() };
        let slot = if chosen.preset == Some(MAINNET_PRESET) { 12 } else { 4 };
        let mut nodes = String::new();
        for (position, client) in clients.iter().enumerate() {
            let stack = self.stack(client, &chosen)?;
            writeln!(nodes, "    node-{position}: {{stack: {{{stack}}}}}").expect("writing to a string");
        }
        let fork = chosen.fork.map(|fork| format!(", fork: {fork}")).unwrap_or_default();
        let preset = chosen.preset.map(|preset| format!(", preset: {preset}")).unwrap_or_default();
        write!(
            text,
            "chain: {{genesis: {POST_MERGE}{fork}{preset}, slot: {slot}s, validators: 64}}\n\
             topology:\n  nodes:\n{nodes}  graph: mesh\n"
        )
        .expect("writing to a string");
        Ok(20 * slot)
    }

    fn stack(&self, client: &Client, chosen: &Chosen<'_>) -> Result<String, String> {
        let layer = client.adapter.layer();
        let execution = match layer {
            "execution" => client,
            _ => self.mate(client, "an execution client", |mate| mate.adapter.layer() == "execution", chosen)?,
        };
        let beacon = |mate: &Client| mate.adapter.layer() == "beacon" && reaches(client, "consensus", mate);
        let consensus = match layer {
            "beacon" => client,
            _ => self.mate(client, "a beacon node", beacon, chosen)?,
        };
        let signer = |mate: &Client| {
            let signs = mate.adapter == AdapterSpec::Process && mate.roles.iter().any(|role| role == SIGNER);
            signs && reaches(mate, "consensus", consensus)
        };
        let validator = match layer {
            "execution" | "beacon" => self.mate(consensus, "a validator client", signer, chosen)?,
            _ => client,
        };
        Ok(format!(
            "execution: {}, consensus: {}, validator: {}",
            execution.reference, consensus.reference, validator.reference
        ))
    }

    fn mate(
        &self,
        of: &Client,
        what: &str,
        fits: impl Fn(&Client) -> bool,
        chosen: &Chosen<'_>,
    ) -> Result<&Client, String> {
        let candidates = self.clients.iter().filter(|mate| {
            let compatible = &mate.compatible;
            let knows = |list: &Option<Vec<String>>, word: Option<&str>| match (list, word) {
                (Some(list), Some(word)) => list.iter().any(|known| known == word),
                _ => true,
            };
            fits(mate)
                && compatible.chains.as_ref().is_some_and(|chains| chains.iter().any(|chain| chain == POST_MERGE))
                && knows(&compatible.forks, chosen.fork)
                // Without a word of its own the chain has the preset that only some know: those without a list.
                && (chosen.preset.is_some() || compatible.presets.is_none())
                && knows(&compatible.presets, chosen.preset)
        });
        let best = candidates.min_by_key(|mate| {
            let forks = mate.compatible.forks.as_ref().map_or(0, Vec::len);
            let same_version = mate.reference.variant == of.reference.variant;
            (!mate.tried, !same_version, std::cmp::Reverse(forks), mate.reference.to_string())
        });
        best.ok_or_else(|| format!("no client folder has {what} for {}", of.reference))
    }
}

/// What the chain of a network is, as far as clients must know it.
struct Chosen<'a> {
    fork: Option<&'a str>,
    preset: Option<&'a str>,
}

/// Chain families of a client; one without a word is that of a client that brings its chain along.
pub fn families(client: &Client) -> Vec<Option<String>> {
    match &client.compatible.chains {
        Some(chains) => chains.iter().cloned().map(Some).collect(),
        None => vec![None],
    }
}

fn families_of_both(one: &Client, other: &Client) -> Vec<Option<String>> {
    let others = families(other);
    families(one).into_iter().filter(|family| others.contains(family)).collect()
}

/// The first word that all of them know; `None` if none of them names any.
fn in_common(
    clients: &[&Client],
    of: impl for<'c> Fn(&'c Client) -> Option<&'c [String]>,
) -> Result<Option<String>, ()> {
    let lists: Vec<&[String]> = clients.iter().filter_map(|client| of(client)).collect();
    let Some((first, rest)) = lists.split_first() else { return Ok(None) };
    let common = first.iter().find(|word| rest.iter().all(|list| list.contains(word)));
    common.cloned().map(Some).ok_or(())
}

/// Whether a mate has every port that a client's templates ask of it.
fn reaches(client: &Client, member: &str, mate: &Client) -> bool {
    templates(client).flat_map(Template::words).all(|word| match word {
        Word::Mate { member: asked, part: MatePart::Port(port) | MatePart::Url(port) | MatePart::Host(port) } => {
            asked != member || mate.ports.contains_key(port)
        }
        _ => true,
    })
}

fn templates(client: &Client) -> impl Iterator<Item = &Template> {
    let run = &client.run;
    let files = run.files.values().map(|file| &file.content);
    run.command.iter().chain(run.optional.iter().flatten()).chain(run.env.values()).chain(files)
}

/// Nodes that are one process each. Gives the seconds to watch.
fn single_nodes(clients: &[&Client], family: Option<&str>, text: &mut String) -> Result<u64, String> {
    let names = clients.iter().enumerate().map(|(position, client)| (format!("node-{position}"), client));
    let names: Vec<_> = names.collect();
    let mut nodes = String::new();
    for (name, client) in &names {
        writeln!(nodes, "    {name}: {{client: {}, role: validator}}", client.reference).expect("writing to a string");
    }
    let chain = match family {
        Some("beacon") => "chain: {genesis: beacon, slot: 1s, slots_per_epoch: 4}\n",
        Some("clique") => "chain: {genesis: clique, period: 2s}\n",
        Some("cometbft") => "chain: {genesis: cometbft}\n",
        Some(other) => return Err(format!("no sample network is known for `genesis: {other}`: add it to {}", file!())),
        None => "",
    };
    write!(text, "{chain}topology:\n  nodes:\n{nodes}  graph: mesh\n").expect("writing to a string");
    if family.is_none() {
        // Blocks are made on demand, by whoever can.
        text.push_str("timeline:\n");
        for (position, (name, _)) in names.iter().filter(|(_, client)| client.calls.contains_key(MINE)).enumerate() {
            let at = 2 + 4 * position;
            writeln!(text, "  - {{at: {at}s, every: 8s, times: 3, send: {{call: {{nodes: {name}, name: {MINE}}}}}}}")
                .expect("writing to a string");
        }
    }
    Ok(40)
}

/// Why a scenario is refused, in one line.
fn refusal(library: &dyn Library, text: &str) -> Option<String> {
    let mut sources = Sources::new();
    let file = ScenarioFile { name: "pair.yaml".to_owned(), text: text.to_owned() };
    let mistakes = read_scenario(&mut sources, library, &file, &Overrides::default()).err()?;
    let errors = mistakes.into_iter().filter(|mistake| mistake.severity == Severity::Error);
    let messages: Vec<String> = errors
        .map(|mistake| {
            let labels: Vec<String> =
                mistake.labels.iter().map(|label| label.text.clone()).filter(|text| !text.is_empty()).collect();
            if labels.is_empty() { mistake.message } else { format!("{} ({})", mistake.message, labels.join("; ")) }
        })
        .collect();
    Some(messages.join("; "))
}

fn listed(clients: &[&Client]) -> String {
    let names: Vec<String> = clients.iter().map(|client| format!("`{}`", client.reference)).collect();
    names.join(" and ")
}

/// The roster of a library.
///
/// # Errors
///
/// Mistakes in manifests.
pub fn roster(sources: &mut Sources, library: &dyn Library) -> Result<Roster, Vec<crate::text::Diagnostic>> {
    super::read_clients(sources, library, &library.names(FileKind::Client)).map(Roster::new)
}
