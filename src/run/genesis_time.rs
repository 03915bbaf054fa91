//! Genesis time: the one thing that a plan leaves open, settled when the nodes are about to be made. The genesis files of
//! a post-merge chain depend on it and are finished then.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

use crate::action::{NodeFile, NodeProcess};
use crate::backend::BackendError;
use crate::genesis::Prepared;
use crate::plan::Plan;

/// Largest state that is kept among the results; a larger one can be made again from the plan.
const LARGEST_KEPT: usize = 8 << 20;

/// The monotonic instant of a second since 1970.
pub(super) fn instant_of(seconds: u64) -> Instant {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::now() + Duration::from_secs(seconds).saturating_sub(since_1970)
}

/// Whole seconds since 1970 at which a genesis that lies `delay` ahead takes place, rounded up.
pub(super) fn genesis_seconds(delay: Duration) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (now + delay).as_millis().div_ceil(1000) as u64
}

/// The timeline's zero, once all nodes are ready: genesis, or the beginning of the next epoch if that is over. An entry
/// then hits the same place of an epoch in every run; what a split does to a beacon chain depends on it, because who
/// attests when is drawn epoch by epoch. Chains without epochs begin as soon as they can.
pub(super) fn timeline_zero(genesis: Option<Instant>, epoch: Option<Duration>, ready: Instant) -> Instant {
    let Some(genesis) = genesis else { return ready };
    let late = ready.saturating_duration_since(genesis);
    match epoch.map(|epoch| epoch.as_nanos()).filter(|epoch| *epoch > 0) {
        Some(epoch) => {
            let whole = late.as_nanos().div_ceil(epoch) * epoch;
            genesis + Duration::from_nanos(u64::try_from(whole).unwrap_or(u64::MAX))
        }
        None => genesis + late,
    }
}

/// Keys and accounts of a genesis, under way on a thread of their own: many validators take seconds, which an image build
/// hides, and none of them shortens the genesis delay.
pub(super) struct GenesisWork(Option<JoinHandle<Prepared>>);

impl GenesisWork {
    pub(super) fn begin(plan: &Plan) -> Self {
        let recipe = plan.genesis.clone();
        Self(recipe.map(|recipe| tokio::task::spawn_blocking(move || recipe.prepare())))
    }

    pub(super) async fn done(self) -> Result<Option<Prepared>, BackendError> {
        match self.0 {
            Some(work) => {
                work.await.map(Some).map_err(|error| BackendError::new("cannot make the genesis files", error))
            }
            None => Ok(None),
        }
    }
}

/// What the open texts of a plan stand for.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    /// `{genesis.NAME}` and its text.
    texts: Vec<(&'static str, String)>,
    ssz: Option<Arc<Vec<u8>>>,
}

impl Settled {
    /// For a genesis at this second.
    pub(super) fn new(seconds: u64, prepared: Option<&Prepared>) -> Self {
        let iso = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let mut texts = vec![
            ("{genesis.time}", seconds.to_string()),
            ("{genesis.time_iso}", iso.map(|time| time.to_string()).unwrap_or_default()),
        ];
        let mut ssz = None;
        if let Some(files) = prepared.map(|prepared| prepared.finish(seconds)) {
            texts.push(("{genesis.json}", files.json));
            ssz = Some(Arc::new(files.ssz));
        }
        Self { texts, ssz }
    }

    /// Fills a node's templates in.
    pub(super) fn fill(&self, mut process: NodeProcess) -> NodeProcess {
        let fill = |text: &mut String| {
            if !text.contains("{genesis.") {
                return;
            }
            for (hole, value) in &self.texts {
                if text.contains(hole) {
                    *text = text.replace(hole, value);
                }
            }
        };
        process.command.iter_mut().for_each(fill);
        process.init.iter_mut().flatten().for_each(fill);
        process.env.values_mut().for_each(fill);
        for file in &mut process.files {
            self.fill_file(file, fill);
        }
        process
    }

    fn fill_file(&self, file: &mut NodeFile, fill: impl Fn(&mut String)) {
        match &self.ssz {
            Some(ssz) if file.content.trim() == "{genesis.ssz}" => {
                file.content.clear();
                file.bytes = Some(Arc::clone(ssz));
            }
            _ => fill(&mut file.content),
        }
    }

    /// Leaves the files among the results, for people.
    pub(super) fn keep(&self, folder: &Path) -> std::io::Result<()> {
        let Some(ssz) = &self.ssz else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        for (hole, text) in self.texts.iter().filter(|(hole, _)| *hole == "{genesis.json}") {
            std::fs::write(folder.join(hole.trim_matches(['{', '}'])), text)?;
        }
        if ssz.len() <= LARGEST_KEPT { std::fs::write(folder.join("genesis.ssz"), ssz.as_slice()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::genesis::{Fork, PostMerge, Preset};

    fn process(contents: &[&str]) -> NodeProcess {
        let file = |content: &&str| NodeFile {
            path: "f".to_owned(),
            content: (*content).to_owned(),
            bytes: None,
            mode: 0o644,
        };
        NodeProcess {
            name: "a".into(),
            index: 0,
            client: "c".to_owned().into(),
            image: None,
            program: None,
            files: contents.iter().map(file).collect(),
            init: vec![vec!["c".to_owned(), "--at={genesis.time}".to_owned()]],
            command: vec!["c".to_owned(), "{genesis.time_iso}".to_owned()],
            env: BTreeMap::new(),
            data: "data".to_owned(),
            attachments: Vec::new(),
            ports: BTreeMap::new(),
            resources: crate::action::Resources::default(),
        }
    }

    #[test]
    fn times_and_files_are_filled_in() {
        let recipe = PostMerge {
            fork: Fork::Deneb,
            electra_after: None,
            validators: 1,
            preset: Preset::Minimal,
            chain_id: 1,
            gas_limit: 30_000_000,
            alloc: BTreeMap::new(),
        };
        let settled = Settled::new(1_700_000_000, Some(&recipe.prepare()));
        let filled = settled.fill(process(&["{genesis.ssz}\n", "{genesis.json}", "t = {genesis.time}"]));
        assert_eq!(filled.command[1], "2023-11-14T22:13:20Z");
        assert_eq!(filled.init[0][1], "--at=1700000000");
        let time = 1_700_000_000_u64.to_le_bytes();
        assert_eq!(filled.files[0].contents()[..8], time, "a state begins with its time");
        assert!(filled.files[1].content.contains("\"timestamp\": \"0x6553f100\""), "{}", filled.files[1].content);
        assert_eq!(filled.files[2].content, "t = 1700000000");
        let folder = tempfile::tempdir().expect("a folder");
        settled.keep(&folder.path().join("genesis")).expect("written");
        let kept = std::fs::read(folder.path().join("genesis/genesis.ssz")).expect("kept");
        assert_eq!(kept, filled.files[0].contents());
        assert!(folder.path().join("genesis/genesis.json").exists());
    }

    #[test]
    fn the_timeline_begins_with_the_chain_or_with_an_epoch() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let zero = |ready, epoch: Option<u64>| {
            timeline_zero(Some(at(100)), epoch.map(Duration::from_secs), at(ready)).duration_since(start).as_secs()
        };
        assert_eq!(zero(80, Some(30)), 100, "the chain begins later");
        assert_eq!(zero(100, Some(30)), 100);
        assert_eq!(zero(101, Some(30)), 130);
        assert_eq!(zero(130, Some(30)), 130);
        assert_eq!(zero(131, Some(30)), 160);
        assert_eq!(zero(131, None), 131, "no epochs: at once");
        assert_eq!(timeline_zero(None, None, at(7)), at(7), "no chain: at once");
    }
}
