//! Groups and single nodes written out: inheritance applied, mixes dealt, participants taken apart into their members.

use std::collections::BTreeMap;
use std::time::Duration;

use super::document::{ArgumentsDocument, GroupDocument, NodeDocument, ResourcesDocument};
use super::names::{check_form, check_full_name, check_node_name};
use super::quality::Quality;
use super::resolve::{MOST_NODES, Wishes, Work};
use super::stack_document::{LongMemberDocument, MemberDocument};
use super::{ArgumentChanges, Node, deal};
use crate::action::{ClientRef, NetworkName, NodeName, Resources};
use crate::text::{Diagnostic, Ordered, Sp, Span, suggest};

/// The settings that groups and single nodes share, for one node after the other.
#[derive(Clone)]
struct Settings<'a> {
    role: &'a Option<Sp<String>>,
    zone: &'a Option<Sp<String>>,
    quality: Option<Quality>,
    labels: &'a BTreeMap<String, String>,
    env: &'a BTreeMap<String, String>,
    args: ArgumentChanges,
    files: &'a BTreeMap<String, String>,
    resources: Resources,
    networks: Vec<NetworkName>,
    start_at: Option<Duration>,
    validators: Option<u32>,
    place: Span,
}

macro_rules! settings_of {
    ($work:expr, $document:expr, $place:expr) => {
        Settings {
            role: &$document.role,
            zone: &$document.zone,
            quality: $document.quality.as_ref().map(|quality| quality.value),
            labels: &$document.labels,
            env: &$document.env,
            args: changes($document.args.as_ref()),
            files: &$document.files,
            networks: $work.networks_of($document.networks.as_ref()),
            resources: $work.resources($document.resources.as_ref()),
            start_at: $document.start_at.as_ref().map(|time| time.value.0),
            validators: $document.validators.as_ref().map(|validators| validators.value),
            place: $place,
        }
    };
}

/// A `stack` beside words that it excludes, or that belong to one of its members.
macro_rules! refuse_beside_stack {
    ($work:expr, $document:expr, $stack:expr) => {
        let changed = [
            ("env", !$document.env.is_empty()),
            ("args", $document.args.is_some()),
            ("files", !$document.files.is_empty()),
            ("resources", $document.resources.is_some()),
        ];
        for (word, _) in changed.iter().filter(|(_, there)| *there) {
            $work.belongs_to_a_member(word, $stack);
        }
        if let Some(client) = &$document.client {
            $work.client_and_stack("client", client.span, $stack.span);
        }
    };
}

/// A member of each participant of a group, or of a single one.
struct Member<'a> {
    name: &'a Sp<String>,
    /// The client of each participant's member.
    clients: Vec<ClientRef>,
    settings: Settings<'a>,
}

impl Work {
    /// Each name stands for one thing.
    fn take_name(&mut self, name: &str, span: Span) -> bool {
        if let Some(first) = self.names.get(name) {
            let mut mistake = Diagnostic::error(format!("`{name}` names two things")).at(span, "this");
            if *first != span {
                mistake = mistake.at(*first, "and this");
            }
            self.mistakes.push(mistake);
            return false;
        }
        self.names.insert(name.to_owned(), span);
        true
    }

    fn networks_of(&mut self, written: Option<&Sp<Vec<Sp<String>>>>) -> Vec<NetworkName> {
        let Some(written) = written else { return vec![NetworkName::new("main")] };
        if written.value.is_empty() {
            self.mistakes.push(Diagnostic::error("a node is in one network at least").at(written.span, "none"));
        }
        let mut networks = Vec::new();
        for name in &written.value {
            let network = NetworkName::new(&name.value);
            if !self.networks.contains_key(&network) {
                let known: Vec<&str> = self.networks.keys().map(NetworkName::as_str).collect();
                let mut mistake = Diagnostic::error(format!("no network is called `{}`", name.value))
                    .at(name.span, "unknown network");
                mistake.help = suggest::help(&name.value, known, "networks");
                self.mistakes.push(mistake);
            } else if !networks.contains(&network) {
                networks.push(network);
            }
        }
        networks
    }

    fn resources(&mut self, written: Option<&ResourcesDocument>) -> Resources {
        let cpus = written.and_then(|resources| resources.cpus.as_ref());
        if let Some(cpus) = cpus.filter(|cpus| !(cpus.value.is_finite() && cpus.value > 0.0)) {
            self.mistakes.push(Diagnostic::error("a node needs some CPU").at(cpus.span, "more than 0"));
        }
        let memory = written.and_then(|resources| resources.memory.as_ref());
        if let Some(memory) = memory.filter(|memory| memory.value.0 < 1 << 20) {
            self.mistakes.push(Diagnostic::error("no process fits in less than `1mib`").at(memory.span, "too little"));
        }
        Resources { cpus: cpus.map(|cpus| cpus.value), memory: memory.map(|memory| memory.value.0) }
    }

    pub(super) fn client(&mut self, name: &Sp<String>) -> ClientRef {
        let client = ClientRef::from(name.value.clone());
        let good =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if good(&client.name) && client.variant.as_deref().is_none_or(good) {
            self.clients.entry(client.clone()).or_insert(name.span);
        } else {
            self.mistakes.push(
                Diagnostic::error("a client is named `NAME` or `NAME@VARIANT`").at(name.span, "cannot be a client"),
            );
        }
        client
    }

    pub(super) fn group(&mut self, name: &Sp<String>, document: &Sp<GroupDocument>, wishes: &Wishes<'_>) {
        let group = &document.value;
        let before = self.mistakes.len();
        self.note(check_node_name(name, "group"));
        self.take_name(&name.value, name.span);
        let count = group.count.value as usize;
        if count == 0 {
            self.mistakes.push(Diagnostic::error("a group has at least one node").at(group.count.span, "none"));
        }
        let each = group.stack.as_ref().map_or(1, |stack| stack.value.0.len());
        if self.too_many(count.saturating_mul(each), group.count.span, "too many") {
            return;
        }
        let settings = settings_of!(self, group, name.span);
        let Some(stack) = &group.stack else {
            let dealt = self.group_clients(name, group, wishes);
            if self.mistakes.len() > before {
                return;
            }
            let mut members = Vec::new();
            for (position, client) in dealt.into_iter().enumerate() {
                let node = NodeName::new(format!("{}-{position}", name.value));
                self.take_name(node.as_str(), name.span);
                members.push(node.clone());
                self.add(node, Some(name.value.clone()), client, &settings);
            }
            self.groups.insert(name.value.clone(), members);
            return;
        };
        refuse_beside_stack!(self, group, stack);
        if let Some(mix) = &group.clients {
            self.client_and_stack("clients", mix.span, stack.span);
        }
        let members = self.members(stack, count, &settings);
        let last = format!("{}-{}", name.value, count.saturating_sub(1));
        self.note_full_names(&last, &members);
        if self.mistakes.len() > before {
            return;
        }
        let mut nodes = Vec::new();
        for position in 0..count {
            let participant = format!("{}-{position}", name.value);
            self.take_name(&participant, name.span);
            nodes.extend(self.participant(&participant, position, Some(&name.value), &members));
        }
        self.groups.insert(name.value.clone(), nodes);
    }

    fn too_many(&mut self, more: usize, place: Span, label: &str) -> bool {
        let full = self.nodes.len().saturating_add(more) > MOST_NODES;
        if full {
            self.mistakes.push(
                Diagnostic::error(format!("a topology has at most {MOST_NODES} nodes")).at(place, label.to_owned()),
            );
        }
        full
    }

    /// The client of each node of a group.
    fn group_clients(&mut self, name: &Sp<String>, group: &GroupDocument, wishes: &Wishes<'_>) -> Vec<ClientRef> {
        let count = group.count.value as usize;
        match (&group.client, &group.clients) {
            (Some(client), None) => vec![self.client(client); count],
            (None, Some(mix)) => self.dealt(&mix.value, mix.span, count),
            (Some(client), Some(mix)) => {
                self.mistakes.push(
                    Diagnostic::error("a group has `client` or `clients`, not both")
                        .at(mix.span, "a mix")
                        .at(client.span, "one client"),
                );
                Vec::new()
            }
            (None, None) => {
                self.needs_client(name, "group", wishes);
                vec![nobody(); count]
            }
        }
    }

    /// A mix, dealt to so many.
    fn dealt(&mut self, mix: &Ordered<Sp<u32>>, place: Span, count: usize) -> Vec<ClientRef> {
        let weights: Vec<u32> = mix.iter().map(|(_, weight)| weight.value).collect();
        if weights.iter().all(|&weight| weight == 0) {
            self.mistakes.push(Diagnostic::error("this mix holds no client").at(place, "all weights are 0"));
            return Vec::new();
        }
        let clients: Vec<ClientRef> = mix.iter().map(|(client, _)| self.client(client)).collect();
        deal::in_blocks(&weights, count).into_iter().map(|dealt| clients[dealt].clone()).collect()
    }

    /// Dealing anew fills the gap; else it is a mistake.
    fn needs_client(&mut self, name: &Sp<String>, what: &str, wishes: &Wishes<'_>) {
        if wishes.clients.is_empty() {
            let mix = if what == "group" { ", or a mix: `clients: {reference: 3, other: 1}`" } else { "" };
            self.mistakes.push(
                Diagnostic::error(format!("the {what} `{}` names no client", name.value))
                    .at(name.span, "runs what?")
                    .help(format!("for example `client: reference`{mix}")),
            );
        }
    }

    pub(super) fn single(&mut self, name: &Sp<String>, document: &Sp<NodeDocument>, wishes: &Wishes<'_>) {
        let node = &document.value;
        let before = self.mistakes.len();
        self.note(check_node_name(name, "node"));
        self.take_name(&name.value, name.span);
        let settings = settings_of!(self, node, name.span);
        if let Some(stack) = &node.stack {
            refuse_beside_stack!(self, node, stack);
            let members = self.members(stack, 1, &settings);
            self.note_full_names(&name.value, &members);
            self.too_many(members.len(), name.span, "too many with this one");
            if self.mistakes.len() == before {
                self.participant(&name.value, 0, None, &members);
            }
            return;
        }
        let client = if let Some(client) = &node.client {
            self.client(client)
        } else {
            self.needs_client(name, "node", wishes);
            nobody()
        };
        self.too_many(1, name.span, "one too many");
        if self.mistakes.len() == before {
            self.add(NodeName::new(&name.value), None, client, &settings);
        }
    }

    fn client_and_stack(&mut self, word: &str, client: Span, stack: Span) {
        self.mistakes.push(
            Diagnostic::error(format!("a node or group has `{word}` or `stack`, not both"))
                .at(client, "one process")
                .at(stack, "several")
                .help(
                    "keep `client` for a node that is one process, `stack` for a participant that is made of several",
                ),
        );
    }

    fn belongs_to_a_member(&mut self, word: &str, stack: &Sp<Ordered<Sp<MemberDocument>>>) {
        let member = stack.value.names().next().unwrap_or("execution");
        self.mistakes.push(
            Diagnostic::error(format!("beside a `stack`, `{word}` does not say which member it is for"))
                .at(stack.span, "made of several processes")
                .help(format!("write it into the member: `{member}: {{client: NAME, {word}: …}}`")),
        );
    }

    /// The members of participants, each with its client for each of them.
    fn members<'a>(
        &mut self,
        stack: &'a Sp<Ordered<Sp<MemberDocument>>>,
        count: usize,
        shared: &Settings<'a>,
    ) -> Vec<Member<'a>> {
        self.stack = self.stack.or(Some(stack.span));
        if stack.value.is_empty() {
            self.mistakes.push(
                Diagnostic::error("this participant has no members")
                    .at(stack.span, "runs what?")
                    .help("for example `stack: {execution: CLIENT, consensus: CLIENT}`"),
            );
        }
        let mut members = Vec::new();
        for (name, written) in &stack.value {
            self.note(check_form(name, "member"));
            let mut settings = Settings { place: name.span, ..shared.clone() };
            let clients = match &written.value {
                MemberDocument::Client(client) => vec![self.client(&written.with(client.clone())); count],
                MemberDocument::Mix(mix) => self.dealt(mix, written.span, count),
                MemberDocument::Long(long) => {
                    settings.env = &long.env;
                    settings.args = changes(long.args.as_ref());
                    settings.files = &long.files;
                    settings.resources = self.resources(long.resources.as_ref());
                    self.member_clients(name, long, count)
                }
            };
            members.push(Member { name, clients, settings });
        }
        members
    }

    fn member_clients(&mut self, name: &Sp<String>, long: &LongMemberDocument, count: usize) -> Vec<ClientRef> {
        match (&long.client, &long.clients) {
            (Some(client), None) => vec![self.client(client); count],
            (None, Some(mix)) => self.dealt(&mix.value, mix.span, count),
            (Some(client), Some(mix)) => {
                self.mistakes.push(
                    Diagnostic::error("a member has `client` or `clients`, not both")
                        .at(mix.span, "a mix")
                        .at(client.span, "one client"),
                );
                Vec::new()
            }
            (None, None) => {
                self.mistakes.push(
                    Diagnostic::error(format!("the member `{}` names no client", name.value))
                        .at(name.span, "runs what?")
                        .help("for example `{client: NAME, args: {add: [--verbosity=4]}}`"),
                );
                Vec::new()
            }
        }
    }

    /// Names of members become host names too.
    fn note_full_names(&mut self, participant: &str, members: &[Member<'_>]) {
        for member in members {
            self.note(check_full_name(&format!("{participant}.{}", member.name.value), member.name.span));
        }
    }

    /// One participant; the names of its nodes.
    fn participant(
        &mut self,
        name: &str,
        position: usize,
        group: Option<&String>,
        members: &[Member<'_>],
    ) -> Vec<NodeName> {
        let mut nodes = Vec::new();
        for member in members {
            let node = NodeName::new(format!("{name}.{}", member.name.value));
            let client = member.clients.get(position).cloned().unwrap_or_else(nobody);
            self.add(node.clone(), group.cloned(), client, &member.settings);
            if let Some(added) = self.nodes.last_mut() {
                added.participant = Some(name.to_owned());
                added.member = Some(member.name.value.clone());
            }
            nodes.push(node);
        }
        nodes
    }

    fn add(&mut self, name: NodeName, group: Option<String>, client: ClientRef, settings: &Settings<'_>) {
        self.qualities.push(settings.quality);
        self.nodes.push(Node {
            name,
            group,
            client,
            role: settings.role.as_ref().map_or_else(|| "validator".to_owned(), |role| role.value.clone()),
            zone: settings.zone.as_ref().map(|zone| zone.value.clone()),
            networks: settings.networks.clone(),
            labels: settings.labels.clone(),
            env: settings.env.clone(),
            args: settings.args.clone(),
            files: settings.files.clone(),
            resources: settings.resources,
            start_at: settings.start_at,
            participant: None,
            member: None,
            validators: settings.validators,
            place: settings.place,
        });
    }
}

/// Stands where a mistake was told, or where dealing anew will put a client.
fn nobody() -> ClientRef {
    ClientRef { name: String::new(), variant: None }
}

fn changes(written: Option<&ArgumentsDocument>) -> ArgumentChanges {
    written.map_or_else(ArgumentChanges::default, |args| ArgumentChanges {
        set: args.set.clone(),
        add: args.add.clone(),
        remove: args.remove.clone(),
    })
}
