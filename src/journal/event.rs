//! What can stand in a journal. Adding a variant or an optional field keeps the schema version; changing one raises it.

use serde::{Deserialize, Deserializer, Serialize};

use crate::action::{ClientRef, EntryName, NetworkName, NodeName};

/// Version of the journal's form.
pub const SCHEMA_VERSION: u32 = 1;

/// What the writer of a journal promises about what it saw; stands in [`RunRecord::promises`]. With 1: each time in which
/// a node was not seen for longer than [`SIGHT_PROMISE`] is a line of its own ([`What::PollGap`], [`What::StoodStill`]);
/// a node's head, peers and finality are told again whenever its process was started and whenever it comes back into
/// sight; lines of logs are matched whole and counted ([`What::LogCount`]); a manifest's patterns are told apart from
/// those of the scenario. Journals of older versions promise nothing (0).
pub const PROMISES: u32 = 1;

/// The error of an entry that was still being carried out when the timeline ended.
pub const NOT_COMPLETE: &str = "not complete when the timeline ended";

/// The longest time between two answers of a node that needs no word, in microseconds: as long as the shortest slot that
/// anybody runs.
pub const SIGHT_PROMISE: u64 = 1_000_000;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Position in the journal, from 0 without gaps.
    pub seq: u64,
    /// Microseconds since the run started (not since the timeline's zero), never decreasing.
    pub at: u64,
    /// What happened: an object with one key, the kind.
    pub what: What,
}

/// For answers, which may be null: an `Option` alone would take null for none.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// For fields that are left out where they say nothing.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// First line of every journal.
    Run(RunRecord),
    /// A node went through a stage of its start, for the start-up waterfall.
    Node {
        /// Which.
        node: NodeName,
        /// Which stage is complete now.
        phase: NodePhase,
    },
    /// The timeline's zero: all nodes that start at once are ready, or the wait for them ended.
    TimelineStarted,
    /// A fault began or ended.
    Fault {
        /// Entry of the timeline.
        entry: EntryName,
        /// Which of the two.
        phase: FaultPhase,
        /// When it should have been, in microseconds since the run started.
        planned: u64,
        /// When it was in force: for links the instant after the swap, for processes after the last signal.
        applied: u64,
        /// What could not be done, if anything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A node's head changed (or was seen for the first time since it was last out of sight).
    Head {
        /// Which node.
        node: NodeName,
        /// Height (execution) or slot (beacon).
        height: u64,
        /// Block hash or root, `0x` hex.
        hash: String,
        /// Its parent's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<String>,
    },
    /// A block was seen for the first time by this node's probe: the head or one of its ancestors. Written once for
    /// each node and block, so that "who holds what" can be answered for every height, not only for heads.
    Block(BlockRecord),
    /// A node's last final block (execution: block number; beacon: epoch).
    Finalized {
        /// Which node.
        node: NodeName,
        /// Block number or epoch.
        height: u64,
        /// Hash or root.
        hash: String,
    },
    /// The block that an execution client calls `safe` (execution-apis).
    Safe {
        /// Which node.
        node: NodeName,
        /// Block number.
        height: u64,
        /// Hash.
        hash: String,
    },
    /// A branch that a node keeps beside its chain (`getchaintips` and its like): blocks that lost.
    Branch {
        /// Which node.
        node: NodeName,
        /// Height of its tip.
        height: u64,
        /// Hash of its tip.
        hash: String,
        /// Blocks from the chain to the tip.
        length: u64,
        /// The node's own word for it: `valid-fork`, `valid-headers`, `headers-only`, `invalid`.
        status: String,
    },
    /// A node works on a height in a new round (CometBFT): rounds that rise while the height stands still are a halt.
    Round {
        /// Which node.
        node: NodeName,
        /// The height that it works on.
        height: u64,
        /// The round, from 0.
        round: u64,
        /// Where it is in the round, in the client's own words.
        step: String,
    },
    /// A call that the timeline or an expectation asked for was answered, or was not.
    Called {
        /// The entry of the timeline, or the key of the question, that asked.
        asked_by: String,
        /// Which node.
        node: NodeName,
        /// Method.
        method: String,
        /// The height that the question was about, if it was about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        height: Option<u64>,
        /// The answer's `result`, which may be null; absent if it was refused or did not come.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        result: Option<serde_json::Value>,
        /// Why there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Whether the node itself said no, and not merely nothing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        refused: bool,
    },
    /// A node's last justified epoch (beacon nodes).
    Justified {
        /// Which node.
        node: NodeName,
        /// Epoch.
        height: u64,
        /// Root.
        hash: String,
    },
    /// How many peers a node says it has, when the number changes.
    Peers {
        /// Which node.
        node: NodeName,
        /// The number.
        count: u64,
    },
    /// Whether a node says it is syncing, when that changes.
    Syncing {
        /// Which node.
        node: NodeName,
        /// What it says.
        syncing: bool,
    },
    /// A node's version string.
    Version {
        /// Which node.
        node: NodeName,
        /// As it gave it.
        version: String,
    },
    /// A node went backwards: its old head is no ancestor of its new one.
    Reorg {
        /// Which node.
        node: NodeName,
        /// Old head.
        from: String,
        /// New head.
        to: String,
        /// How far back it went: height of the old head minus height of the common ancestor. On a beacon chain these
        /// are slots.
        depth: u64,
        /// How many blocks of the old chain were left, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blocks: Option<u64>,
        /// Whether the common ancestor was found; if not, `depth` is a lower bound.
        exact: bool,
    },
    /// A probe could not see a node, at the first failure after a success.
    ProbeLost {
        /// Which node.
        node: NodeName,
        /// Why.
        error: String,
    },
    /// A probe sees a node again (or for the first time).
    ProbeBack {
        /// Which node.
        node: NodeName,
    },
    /// A node was not asked, or gave no answer, for longer than [`SIGHT_PROMISE`]: what it did in that time was not seen.
    /// Written when the next answer came, or when the timeline ended without one.
    PollGap {
        /// Which node.
        node: NodeName,
        /// The last answer before it, microseconds since the run started.
        from: u64,
        /// The first answer after it.
        to: u64,
    },
    /// The tool itself stood still (stopped, swapped out, the machine suspended): nobody was asked, no fault was applied,
    /// and no packet was carried where packets pass the tool.
    StoodStill {
        /// The last beat before it, microseconds since the run started.
        from: u64,
        /// The first beat after it.
        to: u64,
        /// Microseconds that passed outside while the run's own clock stood too: a suspended machine.
        #[serde(default, skip_serializing_if = "is_default")]
        suspended: u64,
    },
    /// How many lines of a node's log have matched a pattern since the run started. Written once a second while lines
    /// are counted that got no mark of their own, and at the end for every node and pattern that was watched, so that
    /// "no line" is something that somebody looked for.
    LogCount {
        /// Which node.
        node: NodeName,
        /// The pattern, as in [`What::LogMark`].
        pattern: String,
        /// Whether it stands for the manifest's own patterns, as in [`What::LogMark`].
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        manifest: bool,
        /// Lines so far.
        lines: u64,
    },
    /// What a node said of a block after chains had parted: header, receipts, trace, whatever its API has.
    Inspected {
        /// Which node.
        node: NodeName,
        /// The block's hash.
        hash: String,
        /// Which question: `header`, `receipts`, `trace`; `refused` says that the node lists the block among those that it
        /// refused.
        part: String,
        /// The answer in short; absent if there was none. `of` says how many there were of what is listed beside it.
        ///
        /// * `header`: `{"header": {…}, "transactions": [{"hash": …}], "of": 1}`
        /// * `receipts`: `{"receipts": [{"transactionHash": …}], "of": 1}`
        /// * `trace`: `{"transactions": [{"hash": …, "steps": [[pc, op, gas, cost, depth, top of the stack]], "of": 12}],
        ///   "of": 1}`
        /// * `refused`: `true`
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
        answer: Option<serde_json::Value>,
        /// Why there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// How well a node was watched, written once when the timeline ends.
    Watched {
        /// Which node.
        node: NodeName,
        /// Polls that were answered.
        answered: u64,
        /// Polls that were not.
        failed: u64,
        /// Longest time between two answers in a row while the node was in sight, microseconds.
        largest_gap: u64,
    },
    /// A line of a node's log that matched a pattern that somebody asked for.
    LogMark {
        /// Which node.
        node: NodeName,
        /// The pattern as it was asked for; patterns of the manifest that mean "broken" are `panic`, those by which a
        /// client says that it refuses something are `refusal`.
        pattern: String,
        /// Whether the pattern is the manifest's own (`panic`, `refusal`) and not one that an expectation asks for in
        /// the same words.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        manifest: bool,
        /// The line without colours, cut at 500 characters; the whole line was matched.
        line: String,
        /// Line number in `logs/<node>.log`, from 1.
        number: u64,
    },
    /// A node's process ended.
    Exit {
        /// Which node.
        node: NodeName,
        /// Exit code, if it exited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        /// Signal number, if one ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        /// Whether the timeline or the teardown asked for it.
        expected: bool,
        /// The last lines of its log, newest last, if it was not expected.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        last_lines: Vec<String>,
    },
    /// Counters of the directed links that saw traffic since the last such event, as totals since the run started.
    Links {
        /// One record a link.
        links: Vec<LinkCounterRecord>,
    },
    /// How long something on the machine of the tool waited since the last such event (Linux's pressure stall
    /// information): each a part of `over`, in microseconds.
    Pressure {
        /// The time that is told of.
        over: u64,
        /// For a processor.
        cpu: u64,
        /// For memory.
        memory: u64,
        /// For disks.
        io: u64,
    },
    /// Something went wrong that is not a node's fault: the engine went away, a start failed.
    Trouble {
        /// What, with its causes.
        message: String,
    },
    /// The file of a node's log lacks something that the node wrote. Lines were watched all the same.
    LogCut {
        /// Which node.
        node: NodeName,
        /// Bytes that are not in the file, up to now.
        bytes: u64,
        /// How long a log may become, in bytes.
        limit: u64,
        /// Why the file could not be written; without it, the log became too long, and its beginning and its end are there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Somebody pressed Ctrl-C or sent SIGTERM or SIGHUP.
    Interrupted,
    /// The timeline ended; from here on nothing is judged.
    TimelineEnded {
        /// Why: `complete`, `timeout`, `interrupted`, `trouble`.
        reason: String,
    },
    /// Everything was taken down.
    TornDown {
        /// What could not be.
        errors: Vec<String>,
    },
    /// A node's process went on after SIGTERM for the whole time that a `stop` gives it, and was killed: it was up until
    /// then. Its end is a line of its own ([`What::Exit`]).
    StopIgnored {
        /// Which node.
        node: NodeName,
        /// How long it had, in microseconds.
        waited: u64,
    },
    /// The kernel killed processes of a node because the node wanted more memory than its limit. Not necessarily the node's
    /// own process, whose end is a line of its own.
    OutOfMemory {
        /// Which node.
        node: NodeName,
        /// The limit, in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u64>,
        /// How many processes, since the last such line; at least.
        kills: u64,
    },
}

/// The journal's first line: what `check` and `report` must know of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`SCHEMA_VERSION`].
    pub schema: u32,
    /// Version of the tool.
    pub tool: String,
    /// Id of the run.
    pub run: String,
    /// Scenario name.
    pub scenario: String,
    /// Its description.
    pub description: String,
    /// The seed.
    pub seed: u64,
    /// `docker` or `native`.
    pub backend: String,
    /// Engine name and version.
    pub engine: String,
    /// Kernel release.
    pub kernel: String,
    /// Start in UTC, RFC 3339.
    pub started: String,
    /// All nodes, in plan order.
    pub nodes: Vec<NodeRecord>,
    /// Who dials whom.
    pub edges: Vec<EdgeRecord>,
    /// Entries of the timeline.
    pub windows: Vec<WindowRecord>,
    /// The expectations in the form of the `check` room, opaque here.
    pub expectations: serde_json::Value,
    /// How long an epoch, slot or block is meant to take, in microseconds, where the chain knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_time: Option<u64>,
    /// Slots an epoch has, for chains that finalise by epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots_per_epoch: Option<u64>,
    /// What the writer promises about what it saw: [`PROMISES`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub promises: u32,
}

/// A node, for people and pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Name.
    pub name: NodeName,
    /// Client, with variant.
    pub client: ClientRef,
    /// Group, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Role (`validator`, `bootnode`, …).
    pub role: String,
    /// Whether it is meant to make blocks.
    pub producer: bool,
    /// Addresses by network.
    pub addresses: Vec<(NetworkName, std::net::Ipv4Addr)>,
    /// Names under which the client signs blocks (addresses, proposer indices as text), to tell a block's producer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signs_as: Vec<String>,
    /// Switches that make this node different from its siblings (extra arguments), for explanations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_args: Vec<String>,
    /// How long it may take to be ready, microseconds.
    pub ready_within: u64,
    /// The participant that it is a member of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<String>,
    /// Which member it is: `execution`, `consensus`, `validator`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Which chain it shows: blocks of two nodes can be compared only where the word is the same. `process` shows none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub layer: String,
    /// Differences in answers that are known and no mistake: method, pointer, reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known_differences: Vec<(String, String, String)>,
    /// Whether its manifest has patterns that mean "broken"; none in journals that are older than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_panic_patterns: Option<bool>,
}

/// An edge of the graph: `from` dials `to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EdgeRecord {
    /// Dialler.
    pub from: NodeName,
    /// Dialled.
    pub to: NodeName,
}

/// An entry of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowRecord {
    /// Its name.
    pub name: EntryName,
    /// Name it has in the file: the same for all repetitions.
    pub family: String,
    /// The fault's keyword.
    pub fault: String,
    /// One line for people: `partition west | east`.
    pub summary: String,
    /// Planned start, microseconds after the timeline's zero.
    pub start: u64,
    /// Planned end; `None` if it stays to the end of the run.
    pub end: Option<u64>,
    /// Nodes that it touches.
    pub targets: Vec<NodeName>,
    /// Whether its targets come back without their data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wipes: bool,
    /// Hash of the transaction that it sends, if it sends one that the tool signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
}

/// A block as one node holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRecord {
    /// Which node's probe saw it.
    pub node: NodeName,
    /// Height or slot.
    pub height: u64,
    /// Hash or root.
    pub hash: String,
    /// Parent's.
    pub parent: String,
    /// Who made it, in the chain's own terms (address of the sealer, proposer index as text).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer: Option<String>,
    /// State root, where the API tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_root: Option<String>,
    /// Receipts root, on execution chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipts_root: Option<String>,
    /// Gas used, on execution chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gas_used: Option<u64>,
    /// Hash of the execution block inside it, on beacon chains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
}

/// Counters of a directed link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCounterRecord {
    /// Sender.
    pub from: NodeName,
    /// Receiver.
    pub to: NodeName,
    /// Packets delivered.
    pub packets: u64,
    /// Bytes delivered (IP packet lengths).
    pub bytes: u64,
    /// Packets dropped because the link was cut.
    pub cut: u64,
    /// Packets dropped by loss.
    pub lost: u64,
    /// Packets dropped because a queue was full (rate limit).
    pub overflow: u64,
}

/// Stages of a node's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodePhase {
    /// Container made, or namespace and folder.
    Created,
    /// Init commands done.
    Initialised,
    /// Process runs.
    Started,
    /// Its ready port answers.
    Ready,
    /// It did not become ready in time.
    NotReady,
}

/// Beginning or end of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultPhase {
    /// It is in force from now on.
    Begin,
    /// It is healed.
    End,
}
