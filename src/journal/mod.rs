//! The journal: the only record of a run. One JSON object a line, in order; the first line carries the schema version.
//!
//! Whatever judges or draws a run reads nothing else, so a stored run can be judged again with a newer check.

mod damage;
mod event;
mod reader;
pub mod shown;
mod writer;

pub(crate) use event::present;
pub use event::{
    BlockRecord, EdgeRecord, Event, FaultPhase, LinkCounterRecord, NOT_COMPLETE, NodePhase, NodeRecord, PROMISES,
    RunRecord, SCHEMA_VERSION, SIGHT_PROMISE, What, WindowRecord,
};
pub use reader::{Journal, ReadError, read_journal};
pub use writer::JournalWriter;
