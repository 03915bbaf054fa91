//! Manifest to [`Client`]: names looked up, templates parsed, every mistake told at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::folder::ClientFolder;
use super::image;
use super::manifest::{
    AdapterDocument, FileDocument, ForEachDocument, IdentityDocument, Manifest, ReadyDocument, RoleDocument,
    WiringDocument,
};
use super::model::{
    ChainInvocation, Client, Compatible, EnrPorts, FilePlace, FileTemplate, Identity, Invocation, KnownDifference,
    NamedCall, NativeProgram, Wiring,
};
use super::template::{IdentityKind, Template, ValidatorPart, Vocabulary, Word};
use super::variant::with_variant;
use crate::action::{AdapterSpec, ClientRef, HttpJsonAdapter, ReadySpec, RpcSpec};
use crate::text::{Diagnostic, Sp, Span, suggest};

/// How long a node may take to be ready when its manifest does not say.
const READY_WITHIN: Duration = Duration::from_secs(60);

impl Client {
    /// Reads a manifest. `reference` may name a variant; `asked` is where it was named (or nowhere).
    pub fn new(
        manifest: &Manifest,
        reference: &ClientRef,
        folder: &ClientFolder,
        asked: Span,
    ) -> Result<Self, Vec<Diagnostic>> {
        let merged = with_variant(manifest, reference.variant.as_deref(), asked).map_err(|mistake| vec![mistake])?;
        let mut builder = Builder::new(&merged, folder);
        let client = builder.client(reference);
        match client {
            Some(client) if builder.mistakes.is_empty() => Ok(client),
            _ => Err(builder.mistakes),
        }
    }
}

/// Collects mistakes on the way; each step gives what it could read.
struct Builder<'a> {
    manifest: &'a Manifest,
    folder: &'a ClientFolder,
    vocabulary: Vocabulary,
    mistakes: Vec<Diagnostic>,
}

impl<'a> Builder<'a> {
    fn new(manifest: &'a Manifest, folder: &'a ClientFolder) -> Self {
        let chains = manifest.by_chain.values();
        let roles = manifest.by_role.values().chain(chains.clone().flat_map(|chain| chain.by_role.values()));
        let additions = roles.flat_map(|role| role.files.keys()).chain(chains.flat_map(|chain| chain.files.keys()));
        let vocabulary = Vocabulary {
            files: manifest.files.keys().chain(additions).cloned().collect(),
            ports: manifest.ports.keys().cloned().collect(),
            ..Vocabulary::default()
        };
        Self { manifest, folder, vocabulary, mistakes: Vec::new() }
    }

    /// `None` only with a mistake noted.
    fn client(&mut self, reference: &ClientRef) -> Option<Client> {
        let manifest = self.manifest;
        self.check_names();
        let image = match manifest.image.as_ref().map(|written| image::source(written, manifest, self.folder)) {
            None => None,
            Some(Ok(image)) => Some(image),
            Some(Err(mistake)) => {
                self.mistakes.push(mistake);
                None
            }
        };
        let native = self.native();
        let run = self.invocation();
        let by_role = self.roles(&manifest.by_role);
        let by_chain = manifest.by_chain.iter().map(|(family, additions)| {
            let chain =
                ChainInvocation { run: self.role(&additions.all_roles()), by_role: self.roles(&additions.by_role) };
            (family.clone(), chain)
        });
        let by_chain = by_chain.collect();
        let identity = manifest.identity.as_ref().map_or_else(Identity::default, |written| self.identity(written));
        let bootnodes = manifest.bootnodes.as_ref().and_then(|written| self.wiring(written));
        let peers = manifest.peers.as_ref().and_then(|written| self.wiring(written));
        let adapter = self.adapter();
        let ready = self.ready(adapter.as_ref());
        let panic = manifest.panic.iter().filter_map(|pattern| self.pattern(pattern)).collect();
        let refusals = manifest.refusals.iter().filter_map(|pattern| self.pattern(pattern)).collect();
        let rpc = self.rpc(adapter.as_ref());
        let calls = self.calls();
        Some(Client {
            reference: reference.clone(),
            description: manifest.description.clone().unwrap_or_default(),
            roles: manifest.roles.iter().map(|role| role.value.clone()).collect(),
            image,
            native,
            manifest: self.folder.manifest.0.clone(),
            run,
            by_role,
            by_chain,
            ports: manifest.ports.iter().map(|(name, port)| (name.clone(), port.value)).collect(),
            identity,
            bootnodes,
            peers,
            ready: ready?,
            adapter: adapter?,
            panic,
            refusals,
            needs: manifest.needs.iter().map(|member| member.value.clone()).collect(),
            rpc,
            calls,
            compatible: compatible(manifest),
            known_differences: known_differences(manifest),
            tried: manifest.tried.unwrap_or(true),
        })
    }

    fn check_names(&mut self) {
        let (manifest, folder) = (self.manifest, self.folder);
        if manifest.name.value != folder.name {
            self.mistakes.push(
                Diagnostic::error(format!(
                    "the manifest in folder `{}` calls itself `{}`",
                    folder.name, manifest.name.value
                ))
                .at(manifest.name.span, "another name than its folder's")
                .help(format!("write `name: {}`", folder.name)),
            );
        }
        for name in manifest.variants.keys().filter(|name| name.is_empty() || name.contains(['@', ' '])) {
            let place = manifest.variants.get(name).map_or_else(Span::default, |variant| variant.span);
            self.mistakes.push(
                Diagnostic::error(format!("`{name}` cannot be the name of a variant"))
                    .at(place, "")
                    .help("use letters, digits, `.`, `-` and `_`: topologies name a variant as `client@variant`"),
            );
        }
        let mut seen: BTreeMap<u16, &str> = BTreeMap::new();
        for (name, port) in &manifest.ports {
            if port.value == 0 {
                self.mistakes.push(Diagnostic::error("0 is no port that others could dial").at(port.span, "port 0"));
            }
            seen.insert(port.value, name);
        }
        if manifest.image.is_none() && manifest.native.is_none() {
            self.mistakes.push(
                Diagnostic::error(format!(
                    "client `{}` has no `image` and no `native` program, so it can run nowhere",
                    manifest.name.value
                ))
                .at(manifest.name.span, "")
                .help("give `image: {build: .}` or `image: {name: …}` for docker, `native: {program: …}` for native"),
            );
        }
    }

    fn native(&mut self) -> Option<NativeProgram> {
        let Some(written) = &self.manifest.native else {
            // The bundled client needs no second word to run natively.
            let builtin = self.manifest.image.as_ref().is_some_and(|image| image.builtin.is_some());
            return builtin.then_some(NativeProgram::Builtin);
        };
        match (&written.program, &written.builtin) {
            (Some(program), None) => Some(NativeProgram::Named(program.value.clone())),
            (None, Some(word)) => {
                self.mistakes.extend(image::builtin(word).err());
                Some(NativeProgram::Builtin)
            }
            _ => {
                self.mistakes.push(
                    Diagnostic::error("`native` takes one of `program` and `builtin`")
                        .at(written.span, "which program?")
                        .help("for example `native: {program: geth}`"),
                );
                None
            }
        }
    }

    fn invocation(&mut self) -> Invocation {
        let manifest = self.manifest;
        let command = match &manifest.command {
            Some(words) if !words.is_empty() => self.templates(words),
            other => {
                let place = other.as_ref().map_or(manifest.name.span, |words| words.span);
                self.mistakes.push(
                    Diagnostic::error(format!("client `{}` has no `command`", manifest.name.value))
                        .at(place, "how is it started?")
                        .help("for example `command: [\"geth\", \"--datadir\", \"{data}\"]`"),
                );
                Vec::new()
            }
        };
        Invocation {
            init: self.commands(&manifest.init),
            command,
            optional: manifest.optional.iter().map(|group| self.templates(group)).collect(),
            env: self.environment(&manifest.env),
            files: self.files(&manifest.files),
        }
    }

    fn roles(&mut self, written: &BTreeMap<String, RoleDocument>) -> BTreeMap<String, Invocation> {
        written.iter().map(|(role, additions)| (role.clone(), self.role(additions))).collect()
    }

    fn role(&mut self, additions: &RoleDocument) -> Invocation {
        Invocation {
            init: self.commands(&additions.init),
            command: self.templates(&additions.command),
            optional: additions.optional.iter().map(|group| self.templates(group)).collect(),
            env: self.environment(&additions.env),
            files: self.files(&additions.files),
        }
    }

    fn commands(&mut self, written: &[Sp<Vec<Sp<String>>>]) -> Vec<Vec<Template>> {
        for empty in written.iter().filter(|words| words.is_empty()) {
            self.mistakes.push(Diagnostic::error("an init command without a word").at(empty.span, "empty"));
        }
        written.iter().map(|words| self.templates(words)).collect()
    }

    fn environment(&mut self, written: &BTreeMap<String, Sp<String>>) -> BTreeMap<String, Template> {
        written.iter().filter_map(|(name, value)| Some((name.clone(), self.template(value)?))).collect()
    }

    fn files(&mut self, written: &BTreeMap<String, Sp<FileDocument>>) -> BTreeMap<String, FileTemplate> {
        let mut files = BTreeMap::new();
        let mut paths: Vec<String> = Vec::new();
        for (name, file) in written {
            let place = self.file_place(name, file);
            let mode = file.mode.as_ref().map_or(Some(0o644), |mode| {
                let bits = u32::from_str_radix(mode.trim_start_matches("0o"), 8).ok().filter(|bits| *bits <= 0o777);
                if bits.is_none() {
                    self.mistakes.push(
                        Diagnostic::error(format!("`{}` are no permission bits", mode.value))
                            .at(mode.span, "")
                            .help("write three octal digits, for example `\"0600\"`"),
                    );
                }
                bits
            });
            if let Some(FilePlace::One(path)) = &place {
                let span = file.value.path.as_ref().map_or(file.span, |path| path.span);
                let clash = paths.iter().find(|other| one_path(other, path));
                if let Some(other) = clash {
                    self.mistakes.push(
                        Diagnostic::error(format!("two files cannot both be there: `{other}` and `{path}`"))
                            .at(span, "the second of the two")
                            .help("give each a `path` of its own"),
                    );
                }
                paths.push(path.clone());
            }
            let content = self.template_for_each(&file.content, file.for_each);
            if let (Some(place), Some(content), Some(mode)) = (place, content, mode) {
                files.insert(name.clone(), FileTemplate { place, content, encoding: file.encoding, mode });
            }
        }
        files
    }

    fn file_place(&mut self, name: &str, file: &Sp<FileDocument>) -> Option<FilePlace> {
        let written = file.path.clone().unwrap_or_else(|| Sp::new(name.to_owned(), file.span));
        let path = &written.value;
        let plain =
            !path.is_empty() && !path.starts_with('/') && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !plain {
            self.mistakes.push(
                Diagnostic::error(format!("`{path}` is no file name inside a node's folder"))
                    .at(written.span, "")
                    .help("write a plain name such as `genesis.json`"),
            );
        }
        match file.for_each {
            None => Some(FilePlace::One(path.clone())),
            Some(each) => self.place_for_each(&written, each),
        }
    }

    /// The name of each of a node's validators' files, which must differ, and the folder above what differs.
    fn place_for_each(&mut self, written: &Sp<String>, each: ForEachDocument) -> Option<FilePlace> {
        let before = written.value.split_once('{').map_or(written.value.as_str(), |(before, _)| before);
        let folder = before.rsplit_once('/').map(|(folder, _)| folder.to_owned());
        let path = self.template_for_each(written, Some(each))?;
        let names_it = |part: &ValidatorPart| matches!(part, ValidatorPart::Index | ValidatorPart::PublicKey);
        let differs = path.words().any(|word| matches!(word, Word::Validator(part) if names_it(part)));
        match folder.filter(|_| differs) {
            Some(folder) => Some(FilePlace::PerValidator { folder, path }),
            None => {
                self.mistakes.push(
                    Diagnostic::error(
                        "`for_each` needs a `path` with a folder of its own and a name for each validator",
                    )
                    .at(written.span, "")
                    .help("for example `path: \"keys/{validator.public_key}.json\"`"),
                );
                None
            }
        }
    }

    fn templates(&mut self, words: &[Sp<String>]) -> Vec<Template> {
        words.iter().filter_map(|word| self.template(word)).collect()
    }

    fn template(&mut self, written: &Sp<String>) -> Option<Template> {
        let parsed = Template::parse(written, &self.vocabulary, &self.folder.manifest.1);
        parsed.map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    /// A template that can name what its file is repeated for.
    fn template_for_each(&mut self, written: &Sp<String>, each: Option<ForEachDocument>) -> Option<Template> {
        self.vocabulary.validator = matches!(each, Some(ForEachDocument::Validator));
        let template = self.template(written);
        self.vocabulary.validator = false;
        template
    }

    /// The number of a port; the place is that of the name, or of what needs it if the name is a default.
    fn port(&mut self, written: Option<&Sp<String>>, default: &str, place: Span) -> Option<u16> {
        let name = written.map_or(default, |name| name.value.as_str());
        if let Some(port) = self.manifest.ports.get(name) {
            return Some(port.value);
        }
        let place = written.map_or(place, |name| name.span);
        let mut mistake = Diagnostic::error(format!("the manifest has no port `{name}`")).at(place, "needs this port");
        mistake.help = suggest::help(name, self.manifest.ports.keys().map(String::as_str), "ports");
        mistake.help.push(format!("declare it: `ports: {{{name}: 30303}}`"));
        self.mistakes.push(mistake);
        None
    }

    fn identity(&mut self, written: &Sp<IdentityDocument>) -> Identity {
        let place = written.span;
        let enode = written.enode.as_ref().and_then(|enode| {
            let tcp = self.port(enode.port.as_ref(), "p2p", place)?;
            let udp = enode.discovery.as_ref().map_or(Some(tcp), |udp| self.port(Some(udp), "", place))?;
            Some((tcp, udp))
        });
        let enr = written.enr.as_ref().and_then(|enr| {
            let tcp = self.port(enr.tcp.as_ref(), "p2p", place)?;
            let udp = match &enr.udp {
                Some(udp) => Some(self.port(Some(udp), "", place)?),
                None => None,
            };
            let eth2 = match &enr.eth2 {
                Some(hex) => Some(self.eth2(hex)?),
                None => None,
            };
            Some(EnrPorts { tcp, udp, eth2 })
        });
        let multiaddr =
            written.multiaddr.as_ref().and_then(|multiaddr| self.port(multiaddr.tcp.as_ref(), "p2p", place));
        let cometbft = written.cometbft.as_ref().and_then(|own| self.port(own.port.as_ref(), "p2p", place));
        let host = written.host.as_ref().and_then(|own| self.port(own.port.as_ref(), "p2p", place));
        Identity { enode, enr, multiaddr, cometbft, host }
    }

    fn eth2(&mut self, written: &Sp<String>) -> Option<[u8; 16]> {
        let bytes = hex::decode(written.trim_start_matches("0x")).ok().and_then(|bytes| bytes.try_into().ok());
        if bytes.is_none() {
            self.mistakes.push(
                Diagnostic::error("`eth2` needs the sixteen bytes of an ENRForkID as hex")
                    .at(written.span, "not 32 hex digits")
                    .help("four bytes fork digest, four bytes next fork version, eight bytes next fork epoch (consensus specs, phase0/p2p-interface)"),
            );
        }
        bytes
    }

    fn wiring(&mut self, written: &Sp<WiringDocument>) -> Option<Wiring> {
        let WiringDocument { argument, arguments, each, both_ends, env, file, api, port, identity } = &written.value;
        let given =
            [argument.is_some(), arguments.is_some(), each.is_some(), env.is_some(), file.is_some(), api.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            self.mistakes.push(
                Diagnostic::error("this takes exactly one of `argument`, `arguments`, `each`, `env`, `file`, `api`")
                    .at(written.span, "")
                    .help("for example `{argument: \"--bootnodes={bootnodes.enode}\"}`"),
            );
            return None;
        }
        if api.is_none() {
            for extra in [port, identity].into_iter().flatten() {
                self.mistakes.push(
                    Diagnostic::error("`port` and `identity` belong to `api`").at(extra.span, "has no meaning here"),
                );
            }
        }
        if let (None, Some(extra)) = (each, both_ends) {
            self.mistakes
                .push(Diagnostic::error("`both_ends` belongs to `each`").at(extra.span, "has no meaning here"));
        }
        if let Some(word) = argument {
            return Some(Wiring::Arguments(vec![self.template(word)?]));
        }
        if let Some(words) = arguments {
            return Some(Wiring::Arguments(self.templates(words)));
        }
        if let Some(words) = each {
            self.vocabulary.each = true;
            let templates = self.templates(words);
            self.vocabulary.each = false;
            if !templates.iter().flat_map(Template::words).any(|word| matches!(word, Word::Each(_))) {
                self.mistakes.push(
                    Diagnostic::error("`each` repeats words for each node, and these do not name it")
                        .at(words.span, "always the same")
                        .help("use `{each.enode}`, `{each.enr}` or `{each.multiaddr}` in one of the words"),
                );
            }
            let both_ends = both_ends.as_ref().is_some_and(|both| both.value);
            return Some(Wiring::Each { words: templates, both_ends });
        }
        if let Some(env) = env {
            return Some(Wiring::Env(self.environment(env)));
        }
        if let Some(file) = file {
            if !self.vocabulary.files.contains(&file.value) {
                let mut mistake = Diagnostic::error(format!("the manifest has no file `{}`", file.value))
                    .at(file.span, "unknown file");
                mistake.help = suggest::help(&file.value, self.vocabulary.files.iter().map(String::as_str), "files");
                self.mistakes.push(mistake);
            }
            return Some(Wiring::File);
        }
        let method = api.as_ref()?.value.clone();
        let kind = match identity {
            None => IdentityKind::Enode,
            Some(word) => match IdentityKind::parse(word) {
                Some(kind) => kind,
                None => {
                    let mut mistake = Diagnostic::error(format!("there is no identity `{}`", word.value))
                        .at(word.span, "unknown word");
                    mistake.help = suggest::help(word, IdentityKind::all(), "words");
                    self.mistakes.push(mistake);
                    return None;
                }
            },
        };
        let default = match self.manifest.adapter.as_ref().map(|adapter| &adapter.value) {
            Some(AdapterDocument::Execution(execution)) => execution.port.as_ref().map_or("rpc", |port| &port.value),
            Some(AdapterDocument::HttpJson(http)) => &http.port.value,
            _ => "rpc",
        };
        let port = self.port(port.as_ref(), default, written.span)?;
        Some(Wiring::Api { port, method, kind })
    }

    fn adapter(&mut self) -> Option<AdapterSpec> {
        let Some(written) = &self.manifest.adapter else {
            self.mistakes.push(
                Diagnostic::error(format!(
                    "client `{}` has no `adapter`, so nobody could see what its nodes do",
                    self.manifest.name.value
                ))
                .at(self.manifest.name.span, "")
                .help("`adapter: {execution: {}}`, `{beacon: {}}`, `{cometbft: {}}`, `{bitcoin: {}}`, `{http_json: {…}}`, or `{process: {}}` where there is nothing to ask"),
            );
            return None;
        };
        let place = written.span;
        match &written.value {
            AdapterDocument::Execution(execution) => {
                Some(AdapterSpec::Execution { port: self.port(execution.port.as_ref(), "rpc", place)? })
            }
            AdapterDocument::Beacon(beacon) => {
                Some(AdapterSpec::Beacon { port: self.port(beacon.port.as_ref(), "http", place)? })
            }
            AdapterDocument::HttpJson(http) => {
                let port = self.port(Some(&http.port), "", place)?;
                Some(AdapterSpec::HttpJson(HttpJsonAdapter {
                    port,
                    height: http.height.clone(),
                    hash: http.hash.clone(),
                    hash_at: http.hash_at.clone(),
                    parent_at: http.parent_at.clone(),
                    finalized: http.finalized.clone(),
                    peers: http.peers.clone(),
                    version: http.version.clone(),
                }))
            }
            AdapterDocument::Cometbft(cometbft) => {
                Some(AdapterSpec::Cometbft { port: self.port(cometbft.port.as_ref(), "rpc", place)? })
            }
            AdapterDocument::Bitcoin(bitcoin) => {
                let port = self.port(bitcoin.port.as_ref(), "rpc", place)?;
                Some(AdapterSpec::Bitcoin { port, login: bitcoin.login.clone() })
            }
            AdapterDocument::Process(_) => Some(AdapterSpec::Process),
            AdapterDocument::Exec(_) => self.adapter_later("exec", place),
        }
    }

    fn adapter_later(&mut self, word: &str, place: Span) -> Option<AdapterSpec> {
        self.mistakes.push(
            Diagnostic::error(format!("`{word}` is an adapter that this version cannot do yet"))
                .at(place, "known word, not built yet")
                .help("`http_json` reads any JSON API by pointers"),
        );
        None
    }

    fn ready(&mut self, adapter: Option<&AdapterSpec>) -> Option<ReadySpec> {
        match &self.manifest.ready {
            Some(written) => {
                let ReadyDocument { port, path, within } = &written.value;
                let port = match port {
                    Some(_) => Some(self.port(port.as_ref(), "", written.span)?),
                    None => adapter.and_then(AdapterSpec::port),
                };
                if let (None, Some(path)) = (port, path) {
                    self.mistakes.push(
                        Diagnostic::error(format!("nobody can be asked for `{path}`: there is no port"))
                            .at(written.span, "a path without a port")
                            .help("name the port: `ready: {port: http, path: …}`"),
                    );
                }
                let within = within.as_ref().map_or(READY_WITHIN, |within| within.value.0);
                Some(ReadySpec { port, path: path.clone(), within })
            }
            None => Some(ReadySpec { port: adapter?.port(), path: None, within: READY_WITHIN }),
        }
    }

    /// Where JSON-RPC calls go. A client whose adapter speaks no JSON-RPC has none unless it says so.
    fn rpc(&mut self, adapter: Option<&AdapterSpec>) -> Option<RpcSpec> {
        let speaks = |adapter: &&AdapterSpec| !matches!(adapter, AdapterSpec::Beacon { .. } | AdapterSpec::Process);
        let default_port = adapter.filter(speaks).and_then(AdapterSpec::port);
        let default_login = match adapter {
            Some(AdapterSpec::Bitcoin { login, .. }) => login.clone(),
            _ => None,
        };
        let Some(written) = &self.manifest.rpc else {
            return default_port.map(|port| RpcSpec { port, path: "/".to_owned(), login: default_login });
        };
        let port = match (&written.port, default_port) {
            (None, Some(port)) => port,
            (named, _) => self.port(named.as_ref(), "rpc", written.span)?,
        };
        let path = written.path.clone().unwrap_or_else(|| "/".to_owned());
        Some(RpcSpec { port, path, login: written.login.clone().or(default_login) })
    }

    /// Named calls. Their templates are filled in when a timeline asks for them; here they are only checked.
    fn calls(&mut self) -> BTreeMap<String, NamedCall> {
        let texts: Vec<Sp<String>> = self
            .manifest
            .calls
            .values()
            .flat_map(|call| texts(&call.params).into_iter().map(|text| Sp::new(text.to_owned(), call.method.span)))
            .collect();
        for text in &texts {
            self.template(text);
        }
        let written = self.manifest.calls.iter();
        written
            .map(|(name, call)| {
                (name.clone(), NamedCall { method: call.method.value.clone(), params: call.params.clone() })
            })
            .collect()
    }

    fn pattern(&mut self, written: &Sp<String>) -> Option<String> {
        match regex::Regex::new(written) {
            Ok(_) => Some(written.value.clone()),
            Err(why) => {
                let why = why.to_string();
                let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                self.mistakes
                    .push(Diagnostic::error(format!("this is no regular expression: {last}")).at(written.span, ""));
                None
            }
        }
    }
}

fn compatible(manifest: &Manifest) -> Compatible {
    let Some(written) = &manifest.compatible else { return Compatible::default() };
    let words =
        |list: &Option<Vec<Sp<String>>>| list.as_ref().map(|list| list.iter().map(|word| word.value.clone()).collect());
    Compatible {
        chains: words(&written.chains),
        forks: words(&written.forks),
        presets: words(&written.presets),
        protocols: written.protocols.clone(),
        same: written.same.clone(),
    }
}

/// All texts inside a JSON value.
fn texts(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(items) => items.iter().flat_map(texts).collect(),
        serde_json::Value::Object(entries) => entries.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn known_differences(manifest: &Manifest) -> Vec<KnownDifference> {
    let written = manifest.known_differences.iter();
    written
        .map(|known| KnownDifference {
            method: known.method.value.clone(),
            pointer: known.pointer.value.clone(),
            reason: known.reason.clone(),
        })
        .collect()
}

/// Whether two files in one folder exclude each other: the same name, or one is a folder of the other.
fn one_path(one: &str, other: &str) -> bool {
    let inside = |outer: &str, inner: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    one == other || inside(one, other) || inside(other, one)
}
