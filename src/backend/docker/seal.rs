//! Seals a run: packets between nodes can only travel on the wire, and nothing of a sealed network reaches the engine's
//! machine. Two tables of nftables in the engine's network namespace, for two different reasons.
//!
//! **Between nodes** (family `bridge`, where a wire is used). A container's network exists before our device is in it, at
//! every start. Until then its packets would go over the bridge, past every cut: a node restarted during a partition
//! would leak. So frames that a bridge would forward from one port to another are dropped for the run's address ranges.
//! These rules name address ranges and not the bridge, because kernels without `NFT_BRIDGE_META` exist.
//!
//! **To the machine** (family `inet`, for networks without `internet: true`). The bridge is an interface of the machine,
//! and whatever listens on all addresses there would answer. What comes in from the bridge is dropped, whichever address
//! it is meant for or claims to come from, broadcasts and IPv6 included; only answers to connections that were opened
//! from the machine pass, which is how probes reach a node where its namespace cannot be entered.
//!
//! Whoever may not touch the engine's namespace (a member of the `docker` group, an engine elsewhere) lets the engine do
//! it: see [`super::seal_helper`].

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::client::Engine;
use super::labels::Marks;
use super::seal_helper;
use super::subnets::Range;
use crate::action::RunId;

/// How the way between nodes can be closed on an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealKind {
    /// A table of the `bridge` family of nftables in the engine's network namespace.
    Nftables,
    /// The engine's own switch for communication between containers. It filters IP packets only where the kernel shows
    /// bridged packets to iptables (`br_netfilter`).
    EngineOption,
}

/// What is to be closed for a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing {
    /// Ranges whose frames no bridge may forward.
    pub(super) ranges: Vec<Range>,
    /// Bridges from which nothing may come to the engine's machine.
    pub(super) bridges: Vec<String>,
}

/// A table that may be ours, found in the engine's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundTable {
    pub(super) table: String,
    pub(super) run: RunId,
    /// The mark of its maker.
    pub(super) owner: Option<String>,
}

const PREFIX: &str = "splitbrain_";

/// Families of the tables that a run may have; both have the run's name.
const FAMILIES: [&str; 2] = ["bridge", "inet"];

/// Finds out how the way between nodes can be closed here, by making and removing a table in one transaction.
pub(super) async fn probe(engine: &Engine) -> SealKind {
    let closing = Closing { ranges: vec![Range { first: 0x0a00_0000, prefix: 8 }], ..Closing::default() };
    match try_out(engine, &closing).await {
        Ok(()) => SealKind::Nftables,
        Err(_) => SealKind::EngineOption,
    }
}

/// Whether the engine's machine can be closed to what comes from a bridge, found out the same way.
pub(super) async fn guards_machine(engine: &Engine) -> io::Result<()> {
    try_out(engine, &Closing { bridges: vec!["splitbrain0".to_owned()], ..Closing::default() }).await
}

async fn try_out(engine: &Engine, closing: &Closing) -> io::Result<()> {
    let table = format!("{PREFIX}probe{}", std::process::id());
    let made = ruleset(&table, "probe", closing);
    let removed: Vec<String> = families(closing).map(|family| format!("delete table {family} {table}\n")).collect();
    nft(engine, &["-f", "-"], Some(format!("{made}\n{}", removed.concat()))).await.map(|_| ())
}

/// Closes these ways from now on.
pub(super) async fn close(engine: &Engine, marks: &Marks, closing: &Closing) -> io::Result<()> {
    if families(closing).next().is_none() {
        return Ok(());
    }
    let rules = ruleset(&table_of(&marks.run), &marks.owner.to_string(), closing);
    nft(engine, &["-f", "-"], Some(rules)).await.map(|_| ())
}

/// Removes the run's tables, if there are any.
pub(super) async fn open(engine: &Engine, run: &RunId) -> io::Result<()> {
    let table = table_of(run);
    // Adding what exists is no error in nftables, deleting what does not is: so both, in one transaction for each family,
    // since a kernel may lack one of them.
    let mut done = Ok(String::new());
    for family in FAMILIES {
        let rules = format!("add table {family} {table}\ndelete table {family} {table}\n");
        done = done.and(nft(engine, &["-f", "-"], Some(rules)).await);
    }
    done.map(|_| ())
}

/// All tables of our naming in the engine's namespace, one for each run; none where `nft` does not work.
pub(super) async fn tables(engine: &Engine) -> Vec<FoundTable> {
    if engine.open_namespace().is_none() && !seal_helper::was_used(engine).await {
        return Vec::new();
    }
    let listed = nft(engine, &["list", "tables"], None).await.unwrap_or_default();
    let names = listed.lines().filter_map(|line| {
        let (family, name) = line.trim().strip_prefix("table ")?.split_once(' ')?;
        Some((name.strip_prefix(PREFIX)?, family)).filter(|_| FAMILIES.contains(&family))
    });
    let runs: BTreeMap<&str, &str> = names.collect();
    let mut found = Vec::new();
    for (run, family) in runs {
        let table = format!("{PREFIX}{run}");
        let text = nft(engine, &["list", "table", family, &table], None).await.unwrap_or_default();
        let owner = text.lines().find_map(|line| line.trim().strip_prefix("comment \"")?.strip_suffix('"'));
        found.push(FoundTable { table, run: RunId::new(run), owner: owner.map(str::to_owned) });
    }
    found
}

fn table_of(run: &RunId) -> String {
    format!("{PREFIX}{run}")
}

fn families(closing: &Closing) -> impl Iterator<Item = &'static str> {
    let [bridge, inet] = FAMILIES;
    let bridge = (!closing.ranges.is_empty()).then_some(bridge);
    bridge.into_iter().chain((!closing.bridges.is_empty()).then_some(inet))
}

fn ruleset(table: &str, owner: &str, closing: &Closing) -> String {
    let tables: Vec<String> = families(closing)
        .map(|family| {
            let chains =
                if family == FAMILIES[0] { between_nodes(&closing.ranges) } else { to_machine(&closing.bridges) };
            format!("table {family} {table} {{\n  comment \"{owner}\"\n{chains}}}\n")
        })
        .collect();
    tables.concat()
}

fn between_nodes(ranges: &[Range]) -> String {
    let set = ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let rules = ["ip saddr", "ip daddr", "arp saddr ip", "arp daddr ip"]
        .map(|field| format!("    {field} {{ {set} }} counter drop\n"));
    chain("forward", -200, &rules)
}

fn to_machine(bridges: &[String]) -> String {
    let input: Vec<String> = bridges
        .iter()
        .map(|bridge| {
            format!(
                "    iifname \"{bridge}\" ct state established,related accept\n    iifname \"{bridge}\" counter drop\n"
            )
        })
        .collect();
    // From a bridge to itself is no way out: where `br_netfilter` is loaded, packets between nodes are seen here too.
    let forward: Vec<String> = bridges
        .iter()
        .map(|bridge| {
            format!(
                "    iifname \"{bridge}\" oifname != \"{bridge}\" counter drop\n    \
                 oifname \"{bridge}\" iifname != \"{bridge}\" counter drop\n"
            )
        })
        .collect();
    // After connections were looked up, which is at -200.
    chain("input", -150, &input) + &chain("forward", -150, &forward)
}

fn chain(hook: &str, priority: i32, rules: &[String]) -> String {
    let rules = rules.concat();
    format!("  chain {hook} {{\n    type filter hook {hook} priority {priority}; policy accept;\n{rules}  }}\n")
}

/// Runs `nft` inside the engine's network namespace, or lets the engine run it there.
async fn nft(engine: &Engine, arguments: &[&str], input: Option<String>) -> io::Result<String> {
    let Some(namespace) = engine.open_namespace() else {
        let Some(program) = program() else { return Err(missing()) };
        let words = input.map_or_else(|| arguments.iter().map(|&word| word.to_owned()).collect(), |rules| vec![rules]);
        return seal_helper::run(engine, &program, words).await;
    };
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let done = tokio::task::spawn_blocking(move || namespace.run(move || call(&arguments, input.as_deref()))?);
    done.await.map_err(io::Error::other)?
}

/// Where `nft` may be beside the folders of `PATH`: users' search paths often lack the folders for administrators.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join("nft")).find(|program| program.is_file())
}

fn missing() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "there is no `nft` on this machine")
}

fn call(arguments: &[String], input: Option<&str>) -> io::Result<String> {
    let program = program().ok_or_else(missing)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("cannot run `nft`: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.unwrap_or_default().as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(io::Error::other(format!("`nft` failed: {complaint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_name_every_range_in_both_directions() {
        let ranges = ["10.77.0.0/16", "10.78.0.0/16"].map(|range| Range::parse(range).unwrap()).to_vec();
        let rules = ruleset("splitbrain_r1", "host:1:2", &Closing { ranges, ..Closing::default() });
        assert_eq!(rules.matches("{ 10.77.0.0/16, 10.78.0.0/16 } counter drop").count(), 4);
        assert!(rules.contains("comment \"host:1:2\""), "{rules}");
        assert!(!rules.contains("table inet"), "{rules}");
    }

    #[test]
    fn what_comes_from_a_sealed_bridge_is_dropped_but_for_answers() {
        let bridges = vec!["br-1".to_owned()];
        let rules = ruleset("splitbrain_r1", "host:1:2", &Closing { bridges, ..Closing::default() });
        let (accepted, dropped) = (
            rules.find("ct state established,related accept").unwrap(),
            rules.find("iifname \"br-1\" counter drop").unwrap(),
        );
        assert!(accepted < dropped, "{rules}");
        assert!(rules.starts_with("table inet splitbrain_r1") && !rules.contains("table bridge"), "{rules}");
    }
}
