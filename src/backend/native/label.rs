//! The marks in the environment of every process of a node, and finding processes by them.

use std::collections::BTreeMap;
use std::fs;

use super::super::Owner;

/// Environment variable that names the run.
pub const RUN: &str = "SPLITBRAIN_RUN";
/// Environment variable that names the node.
pub const NODE: &str = "SPLITBRAIN_NODE";
/// Environment variable that names the scenario.
pub(super) const SCENARIO: &str = "SPLITBRAIN_SCENARIO";
/// Environment variable that names the process that made the run.
pub const OWNER: &str = "SPLITBRAIN_OWNER";

/// A process that carries our marks.
#[derive(Clone, Debug)]
pub(super) struct Labelled {
    pub(super) pid: i32,
    pub(super) run: String,
    pub(super) node: String,
    pub(super) owner: Owner,
}

/// All processes with readable marks, this one excepted. Processes of other users cannot be read and are not seen.
pub(super) fn labelled_processes() -> Vec<Labelled> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let me = std::process::id() as i32;
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&pid: &i32| pid != me)
        .filter_map(read)
        .collect()
}

/// The marks of one process, if it has them all. A zombie's environment is empty.
pub(super) fn read(pid: i32) -> Option<Labelled> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let marks = marks_in(&environment);
    Some(Labelled {
        pid,
        run: marks.get(RUN)?.clone(),
        node: marks.get(NODE)?.clone(),
        owner: marks.get(OWNER)?.parse().ok()?,
    })
}

fn marks_in(environment: &[u8]) -> BTreeMap<String, String> {
    environment
        .split(|&byte| byte == 0)
        .filter(|variable| variable.starts_with(b"SPLITBRAIN_"))
        .filter_map(|variable| {
            let (name, value) = std::str::from_utf8(variable).ok()?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_among_other_variables() {
        let environment =
            b"PATH=/bin\0SPLITBRAIN_RUN=k3f9\0X=SPLITBRAIN_NODE=no\0SPLITBRAIN_NODE=west-0\0SPLITBRAIN_ODD\0";
        let marks = marks_in(environment);
        assert_eq!(marks.get(RUN).map(String::as_str), Some("k3f9"));
        assert_eq!(marks.get(NODE).map(String::as_str), Some("west-0"));
        assert_eq!(marks.len(), 2);
    }
}
