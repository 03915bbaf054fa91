//! Who proposes on a post-merge chain: validators dealt to participants in ranges, because a client that knows keys by the
//! interop rule is told a first index and a number.

use std::collections::BTreeMap;

use super::genesis_delay::{StartTimes, delay};
use super::keys::fee_recipient;
use super::producers::{Producer, Production, funded};
use crate::action::{BackendKind, NodeName, Seeds};
use crate::genesis::{Family, Pos, PostMerge};
use crate::spec::Scenario;
use crate::text::Diagnostic;
use crate::topology::Node;

/// Members of a participant that have a part in making its blocks.
const EXECUTION: &str = "execution";
const CONSENSUS: &str = "consensus";
const VALIDATOR: &str = "validator";

/// The members of one participant; a node that is in none stands for itself.
type Members<'a> = Vec<&'a Node>;

pub(super) fn production(
    pos: &Pos,
    scenario: &Scenario,
    backend: BackendKind,
    candidates: &[&Node],
    seeds: &Seeds,
    start_times: &StartTimes,
) -> Result<Production, Diagnostic> {
    let participants = participants(candidates);
    let ranges = ranges(pos, &participants)?;
    let mut producers: BTreeMap<NodeName, Producer> = BTreeMap::new();
    let mut first = 0;
    for (members, count) in participants.iter().zip(ranges) {
        let indices: Vec<u32> = (first..first + count).collect();
        first += count;
        if indices.is_empty() {
            continue;
        }
        let signer = signer(members);
        for node in members {
            let fees = || fee_recipient(seeds, node.participant.as_deref().unwrap_or(node.name.as_str()));
            let (signs_as, validators) = match node.member.as_deref() {
                Some(EXECUTION) => (vec![fees()], Vec::new()),
                Some(CONSENSUS | VALIDATOR) | None => {
                    let own = if node.name == *signer { indices.clone() } else { Vec::new() };
                    (indices.iter().map(u32::to_string).collect(), own)
                }
                Some(_) => continue,
            };
            producers.insert(node.name.clone(), Producer { signs_as, validators, account: None });
        }
    }
    let (delay, note) = delay(pos.genesis_delay, &scenario.topology.nodes, backend, start_times);
    let genesis = PostMerge::new(pos, &funded(pos.accounts, seeds));
    Ok(Production {
        producers,
        values: pos.template_values(),
        family: Some(Family::Pos.word()),
        genesis_delay: Some(delay),
        block_time: Some(pos.slot),
        slots_per_epoch: Some(pos.slots_per_epoch),
        genesis: Some(genesis),
        notes: note.into_iter().collect(),
        ..Production::default()
    })
}

/// Candidates by participant, in the order of the topology.
fn participants<'a>(candidates: &[&'a Node]) -> Vec<Members<'a>> {
    let mut participants: Vec<Members<'a>> = Vec::new();
    for node in candidates {
        let mates = participants
            .iter_mut()
            .find(|members| node.participant.is_some() && members[0].participant == node.participant);
        match mates {
            Some(members) => members.push(node),
            None => participants.push(vec![node]),
        }
    }
    participants
}

/// The process that holds the keys: the validator client, or the consensus client that is its own.
fn signer<'a>(members: &[&'a Node]) -> &'a NodeName {
    let with = |word: &str| members.iter().find(|node| node.member.as_deref() == Some(word));
    &with(VALIDATOR).or_else(|| with(CONSENSUS)).unwrap_or(&members[0]).name
}

/// How many validators each participant has: what the topology says, and an even share of the rest.
fn ranges(pos: &Pos, participants: &[Members<'_>]) -> Result<Vec<u32>, Diagnostic> {
    let wishes: Vec<Option<u32>> =
        participants.iter().map(|members| members.iter().find_map(|node| node.validators)).collect();
    let wanted: u64 = wishes.iter().flatten().map(|count| u64::from(*count)).sum();
    let others = wishes.iter().filter(|wish| wish.is_none()).count() as u64;
    let rest = u64::from(pos.validators).checked_sub(wanted).filter(|rest| *rest >= others);
    let Some(rest) = rest else {
        let message = format!(
            "{} validators are too few for {} participants with role `validator`, which want {} at least",
            pos.validators,
            participants.len(),
            wanted + others
        );
        return Err(Diagnostic::error(message)
            .at(pos.place, "this chain")
            .help(format!("write `validators: {}` or more under `chain:`", wanted + others)));
    };
    if others == 0 && rest > 0 {
        let message = format!(
            "{rest} of the chain's {} validators belong to nobody: the participants want {wanted}",
            pos.validators
        );
        return Err(Diagnostic::error(message)
            .at(pos.place, "this chain")
            .help(format!("write `validators: {wanted}` under `chain:`, or let a participant have the rest")));
    }
    let mut open = 0;
    let share = |turn: u64| (rest / others.max(1) + u64::from(turn < rest % others.max(1))) as u32;
    let counts = wishes.iter().map(|wish| {
        wish.unwrap_or_else(|| {
            open += 1;
            share(open - 1)
        })
    });
    Ok(counts.collect())
}
