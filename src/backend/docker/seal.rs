//! Seals a run's bridges, so that packets between nodes can only travel on the wire.
//!
//! A container's network exists before our device is in it, at every start. Until then its packets would go over the
//! bridge, past every cut: a node restarted during a partition would leak. So frames that a bridge would forward from one
//! port to another are dropped for the run's address ranges. What goes to or comes from the gateway is no forwarding and
//! stays: probes, DNS, published ports, and the way out where a network has one.
//!
//! The rule names address ranges and not the bridge, because kernels without `NFT_BRIDGE_META` exist.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use super::super::fabric::Namespace;
use super::client::Engine;
use super::labels::Marks;
use super::subnets::Range;
use crate::action::RunId;

/// How bridges can be sealed on an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SealKind {
    /// A table of the `bridge` family of nftables in the engine's network namespace.
    Nftables,
    /// The engine's own switch for communication between containers. It filters IP packets only where the kernel shows
    /// bridged packets to iptables (`br_netfilter`).
    EngineOption,
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

/// Finds out which kind works here, by making and removing a table in one transaction.
pub(super) async fn probe(engine: &Engine) -> SealKind {
    let table = format!("{PREFIX}probe{}", std::process::id());
    let rules = ruleset(&table, "probe", &[Range { first: 0x0a00_0000, prefix: 8 }]);
    match nft(engine, &["-f", "-"], Some(format!("{rules}\ndelete table bridge {table}\n"))).await {
        Ok(_) => SealKind::Nftables,
        Err(_) => SealKind::EngineOption,
    }
}

/// Drops forwarded frames of these ranges from now on.
pub(super) async fn close(engine: &Engine, marks: &Marks, ranges: &[Range]) -> io::Result<()> {
    let rules = ruleset(&table_of(&marks.run), &marks.owner.to_string(), ranges);
    nft(engine, &["-f", "-"], Some(rules)).await.map(|_| ())
}

/// Removes the run's table, if there is one.
pub(super) async fn open(engine: &Engine, run: &RunId) -> io::Result<()> {
    let table = table_of(run);
    // Adding what exists is no error in nftables, deleting what does not is: so both, in one transaction.
    nft(engine, &["-f", "-"], Some(format!("add table bridge {table}\ndelete table bridge {table}\n")))
        .await
        .map(|_| ())
}

/// All tables of our naming in the engine's namespace; none where `nft` does not work.
pub(super) async fn tables(engine: &Engine) -> Vec<FoundTable> {
    let listed = nft(engine, &["list", "tables", "bridge"], None).await.unwrap_or_default();
    let names = listed.lines().filter_map(|line| line.trim().strip_prefix("table bridge ")?.strip_prefix(PREFIX));
    let mut found = Vec::new();
    for run in names {
        let table = format!("{PREFIX}{run}");
        let text = nft(engine, &["list", "table", "bridge", &table], None).await.unwrap_or_default();
        let owner = text.lines().find_map(|line| line.trim().strip_prefix("comment \"")?.strip_suffix('"'));
        found.push(FoundTable { table, run: RunId::new(run), owner: owner.map(str::to_owned) });
    }
    found
}

fn table_of(run: &RunId) -> String {
    format!("{PREFIX}{run}")
}

fn ruleset(table: &str, owner: &str, ranges: &[Range]) -> String {
    let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    let set = ranges.join(", ");
    let rules: Vec<String> = ["ip saddr", "ip daddr", "arp saddr ip", "arp daddr ip"]
        .iter()
        .map(|field| format!("    {field} {{ {set} }} counter drop\n"))
        .collect();
    format!(
        "table bridge {table} {{\n  comment \"{owner}\"\n  chain forward {{\n    \
         type filter hook forward priority -200; policy accept;\n{}  }}\n}}\n",
        rules.concat()
    )
}

/// Runs `nft` inside the engine's network namespace, or here if it cannot be told which one that is.
async fn nft(engine: &Engine, arguments: &[&str], input: Option<String>) -> io::Result<String> {
    let namespace = engine.namespace();
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let work = move || call(&arguments, input.as_deref());
    let done = tokio::task::spawn_blocking(move || match namespace {
        Some(namespace) => Namespace::run(&namespace, work)?,
        None => work(),
    });
    done.await.map_err(io::Error::other)?
}

/// Where `nft` may be: users' search paths often lack the folders for administrators.
const PROGRAMS: [&str; 3] = ["nft", "/usr/sbin/nft", "/sbin/nft"];

fn call(arguments: &[String], input: Option<&str>) -> io::Result<String> {
    let start = |program: &str| {
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut started = start(PROGRAMS[0]);
    for program in &PROGRAMS[1..] {
        if started.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            started = start(program);
        }
    }
    let mut child = started.map_err(|error| io::Error::new(error.kind(), format!("cannot run `nft`: {error}")))?;
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
        let ranges = [Range::parse("10.77.0.0/16").unwrap(), Range::parse("10.78.0.0/16").unwrap()];
        let rules = ruleset("splitbrain_r1", "host:1:2", &ranges);
        assert_eq!(rules.matches("{ 10.77.0.0/16, 10.78.0.0/16 } counter drop").count(), 4);
        assert!(rules.contains("comment \"host:1:2\""), "{rules}");
    }
}
