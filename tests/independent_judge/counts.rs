//! The checks that count: over the whole of a time, whatever the word says of moments.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use splitbrain::journal::{NodePhase, What};

use super::facts::{Entry, Facts, SECOND, Stand};
use super::judge::{Ruling, Time, micros, that};
use super::questions::Scene;
use super::sight::{State, lines_of};

/// Instants at which one of these checks wants to know what nodes are.
pub(crate) fn deadlines(facts: &Facts<'_>, expectations: &[Value]) -> Vec<u64> {
    let mut instants = Vec::new();
    for expectation in expectations {
        if let ("recover", that) = that(expectation) {
            let ends = facts.entries.iter().filter_map(|entry| entry.end);
            instants.extend(ends.map(|end| (end + micros(&that["within"])).min(facts.end)));
        }
    }
    instants
}

/// What one node showed of its chain.
struct Shown<'a> {
    heads: Vec<(u64, &'a str)>,
    /// Everything that it held, and since when.
    held: Vec<(u64, &'a str)>,
}

impl<'a> Shown<'a> {
    fn of(scene: &'a Scene<'a>, node: &str) -> Self {
        let (mut heads, mut held) = (Vec::new(), Vec::new());
        for (at, what) in lines_of(scene.facts, node) {
            match what {
                What::Head { hash, .. } => {
                    heads.push((at, hash.as_str()));
                    held.push((at, hash.as_str()));
                }
                What::Block(block) => held.push((at, block.hash.as_str())),
                _ => {}
            }
        }
        Self { heads, held }
    }

    /// All that it held by a moment, with all that lies below.
    fn held_by(&self, scene: &'a Scene<'a>, at: u64) -> BTreeSet<&'a str> {
        let shown = self.held.iter().filter(|(since, _)| *since <= at);
        let mut all = BTreeSet::new();
        for (_, hash) in shown {
            let mut below = Some(*hash);
            while let Some(block) = below.filter(|block| all.insert(*block)) {
                below = scene.facts.parent(block);
            }
        }
        all
    }

    /// All heads up to a moment.
    fn heads_by(&self, at: u64) -> &[(u64, &'a str)] {
        &self.heads[..self.heads.iter().filter(|(since, _)| *since <= at).count()]
    }

    /// From when on growth can be told: the first moment at which the node was seen and had a head.
    fn base(scene: &Scene<'_>, node: &str, from: u64) -> Option<u64> {
        let sight = scene.see(node, scene.sights.moment(from));
        if sight.state == State::Seen && sight.head.is_some() {
            return Some(from);
        }
        let later = scene.sights.moments(from, scene.facts.end, true).into_iter();
        let mut later = later.filter(|&moment| scene.is_seen(node, moment) && scene.see(node, moment).head.is_some());
        later.next().map(|moment| scene.sights.instants[moment])
    }
}

/// Blocks on the chain of the last of `heads` that are not among those held; whether more may have been. Where the way
/// down ends before one is reached that is held, the count goes on with the head before.
fn grown(scene: &Scene<'_>, node: &str, heads: &[(u64, &str)], held: &BTreeSet<&str>) -> (u64, bool) {
    let facts = scene.facts;
    let beacon = facts.layer(node) == "beacon";
    let (mut count, mut open) = (0, false);
    let mut counted: BTreeSet<&str> = BTreeSet::new();
    let mut rest = heads;
    while let Some((_, head)) = rest.last() {
        let chain = facts.chain(head);
        let new: Vec<&str> = chain.iter().copied().take_while(|block| !held.contains(block)).collect();
        let lowest = new.last().copied();
        let joined = new.len() < chain.len() || lowest.is_none_or(|lowest| facts.height(lowest) == 0);
        // What is no higher than what it held, and not joined to it, may be among what it held and nobody saw.
        let highest = held.iter().map(|block| facts.height(block)).max();
        let higher = |block: &&&str| joined || highest.is_none_or(|highest| facts.height(block) > highest);
        count += new.iter().filter(|block| counted.insert(block)).filter(higher).count() as u64;
        if joined {
            return (count, open);
        }
        while rest.last().is_some_and(|(_, head)| counted.contains(head)) {
            rest = &rest[..rest.len() - 1];
        }
        // The blocks between were not seen.
        open |= beacon;
        let highest = held.iter().map(|block| facts.height(block)).max();
        let before =
            rest.last().filter(|(_, head)| !held.contains(head)).map(|(_, head)| facts.height(head)).or(highest);
        if let (Some(lowest), Some(before), false) = (lowest, before, beacon) {
            count += facts.height(lowest).saturating_sub(before + 1);
        }
        if rest.last().is_some_and(|(_, head)| held.contains(head)) {
            break;
        }
    }
    (count, open)
}

fn showing<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = &'s String> {
    scene.nodes.iter().filter(|node| scene.facts.layer(node) != "process")
}

/// A fail that was decided at a moment, unless the tool stood still for long before: then nobody is blamed.
pub(crate) fn blame(scene: &Scene<'_>, at: u64) -> Ruling {
    let stood = scene.facts.journal.events.iter().any(|event| match &event.what {
        What::StoodStill { from, to, .. } => to - from >= 3 * SECOND && *from < at,
        _ => false,
    });
    if stood { Ruling::Unknown } else { Ruling::Fail }
}

fn worst(rulings: impl Iterator<Item = Ruling>) -> Ruling {
    rulings.max().unwrap_or(Ruling::Unknown)
}

fn moments(scene: &Scene<'_>, time: &Time) -> Vec<usize> {
    scene.sights.moments(time.from, time.to, time.to == scene.facts.end)
}

pub(crate) fn progress(scene: &Scene<'_>, that: &Value, time: &Time) -> Ruling {
    let blocks = that["blocks"].as_u64().unwrap_or(0);
    worst(showing(scene).map(|node| {
        let shown = Shown::of(scene, node);
        if that["per"].is_object() {
            return per(scene, node, &shown, blocks, micros(&that["per"]), time);
        }
        let Some(base) = Shown::base(scene, node, time.from) else {
            return if answers_without_a_head(scene, node, time) { blame(scene, time.to) } else { Ruling::Unknown };
        };
        let held = shown.held_by(scene, base);
        let (count, open) = grown(scene, node, shown.heads_by(time.to), &held);
        let moments = moments(scene, time);
        let sees = |moment: usize| scene.is_seen(node, moment) && scene.see(node, moment).head.is_some();
        // How long it was out of sight at first.
        let first =
            moments.iter().find(|&&moment| sees(moment)).map_or(time.to, |&moment| scene.sights.instants[moment]);
        let most = || {
            let held = shown.held_by(scene, time.from);
            let grown = grown(scene, node, shown.heads_by(time.to), &held);
            let head_before = time.from > 0 && !shown.heads_by(time.from - 1).is_empty();
            Some(grown).filter(|(_, open)| !open && head_before).map(|(count, _)| count)
        };
        let seen_early = first < time.from + 3 * SECOND || most().is_some_and(|most| most < blocks);
        if count >= blocks {
            Ruling::Pass
        } else if time.cut || open || !seen_early || !moments.last().is_some_and(|&moment| sees(moment)) {
            Ruling::Unknown
        } else {
            blame(scene, time.to)
        }
    }))
}

/// Whether a node was there before the middle of a time, at its beginning and at its end, and never named a head.
fn answers_without_a_head(scene: &Scene<'_>, node: &str, time: &Time) -> bool {
    let instant = |moment: usize| scene.sights.instants[moment];
    let first_seen = |from: u64| {
        let mut all = scene.sights.moments(from, scene.facts.end, true).into_iter();
        all.find(|&moment| scene.is_seen(node, moment)).map(instant)
    };
    let early = |at: Option<u64>, bound: u64| at.is_some_and(|at| at <= bound);
    let last = scene.sights.moment(time.to);
    let no_head = Shown::of(scene, node).heads_by(time.to).is_empty();
    let from_early_on = early(first_seen(0), time.from + (time.to - time.from) / 2)
        && early(first_seen(time.from), (time.from + 3 * SECOND).saturating_sub(1));
    !time.cut && no_head && scene.is_seen(node, last) && from_early_on
}

/// So many blocks in every span of a length in which the node was there.
fn per(scene: &Scene<'_>, node: &str, shown: &Shown<'_>, blocks: u64, length: u64, time: &Time) -> Ruling {
    let instant = |moment: usize| scene.sights.instants[moment];
    let all = moments(scene, time);
    // The times in which the node was seen, one after the other.
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    let mut since: Option<u64> = None;
    let mut hidden = false;
    for &moment in &all {
        let sight = scene.see(node, moment);
        hidden |= matches!(sight.state, State::Unseen | State::Dead);
        if sight.state == State::Seen {
            since.get_or_insert(instant(moment));
        } else if let Some(from) = since.take() {
            stretches.push((from, instant(moment) - 1));
        }
    }
    stretches.extend(since.map(|from| (from, time.to)));
    let mut ruling = Ruling::Pass;
    let mut spans = 0;
    for (from, to) in stretches {
        // What changes the number: a head that comes in at a span's end, or goes out at its beginning.
        let changes = shown.held.iter().map(|(at, _)| *at).filter(|at| (from..=to).contains(at));
        let mut starts: BTreeSet<u64> = changes.flat_map(|at| [at, at.saturating_sub(length + 1)]).collect();
        starts.extend([from, to.saturating_sub(length)]);
        for start in starts.into_iter().filter(|&start| from <= start && start + length <= to) {
            spans += 1;
            let held = shown.held_by(scene, start);
            let (count, open) = grown(scene, node, shown.heads_by(start + length), &held);
            if count < blocks {
                let open = open || scene.see(node, scene.sights.moment(start + length)).head.is_none();
                ruling = ruling.max(if open { Ruling::Unknown } else { blame(scene, start + length) });
            }
        }
    }
    if ruling == Ruling::Pass && (hidden || time.cut || spans == 0) { Ruling::Unknown } else { ruling }
}

/// How long growth is still allowed.
pub(crate) fn time_to_settle(facts: &Facts<'_>, that: &Value) -> u64 {
    let settle = that["settle"].is_object().then(|| micros(&that["settle"]));
    settle.or(facts.journal.run.block_time).unwrap_or(SECOND)
}

pub(crate) fn stall(scene: &Scene<'_>, that: &Value, time: &Time) -> Ruling {
    let from = time.from + time_to_settle(scene.facts, that);
    if from >= time.to {
        return Ruling::Unknown;
    }
    let all = scene.sights.moments(from, time.to, time.to == scene.facts.end);
    let mut watched = false;
    let ruling = worst(showing(scene).map(|node| {
        let unseen = all.iter().any(|&moment| scene.see(node, moment).state == State::Unseen);
        let away = all.iter().all(|&moment| scene.is_away(node, moment));
        let (grew, said) = if that["on"] == "finalized" {
            final_grew(scene, node, from, time.to)
        } else {
            (head_grew(scene, node, from, time.to), named(scene, node, &all))
        };
        watched |= all.iter().any(|&moment| scene.is_seen(node, moment));
        let coming = all.last().is_some_and(|&moment| scene.see(node, moment).state == State::Coming);
        if let Some(at) = grew {
            blame(scene, at)
        } else if time.cut || unseen || coming || !said && !away {
            Ruling::Unknown
        } else {
            Ruling::Pass
        }
    }));
    if watched { ruling } else { ruling.max(Ruling::Unknown) }
}

/// Whether a node was seen with a head at any of these moments.
fn named(scene: &Scene<'_>, node: &str, moments: &[usize]) -> bool {
    moments.iter().any(|&moment| scene.is_seen(node, moment) && scene.see(node, moment).head.is_some())
}

/// When there was a new block.
fn head_grew(scene: &Scene<'_>, node: &str, from: u64, to: u64) -> Option<u64> {
    let shown = Shown::of(scene, node);
    let base = Shown::base(scene, node, from)?;
    let held = shown.held_by(scene, base);
    let mut later = shown.heads.iter().filter(|(at, _)| *at > base && *at <= to);
    later.find(|(_, head)| !held.contains(head)).map(|(at, _)| *at)
}

fn final_grew(scene: &Scene<'_>, node: &str, from: u64, to: u64) -> (Option<u64>, bool) {
    let beacon = scene.facts.journal.run.nodes.iter().any(|node| node.layer == "beacon");
    let silent_is_genesis = beacon && scene.facts.layer(node) == "execution";
    let all: Vec<(u64, u64)> = lines_of(scene.facts, node)
        .into_iter()
        .filter_map(|(at, what)| match what {
            What::Finalized { height, .. } if at <= to => Some((at, *height)),
            _ => None,
        })
        .collect();
    let before = all.iter().filter(|(at, _)| *at <= from).map(|(_, height)| *height).max();
    let seen = scene.is_seen(node, scene.sights.moment(from));
    let mut later = all.iter().filter(|(at, _)| *at > from && *at <= to);
    let base = match before.filter(|_| seen) {
        Some(before) => Some(before),
        None => later.next().map(|(_, height)| *height).max(before),
    };
    let at_end = scene.see(node, scene.sights.moment(to));
    let silent = silent_is_genesis && at_end.state == State::Seen && at_end.head.is_some();
    let said = before.is_some() && seen || all.iter().any(|(at, _)| *at > from);
    (base.and_then(|base| later.find(|(_, height)| *height > base)).map(|(at, _)| *at), said || silent)
}

pub(crate) fn reorg(scene: &Scene<'_>, that: &Value, time: &Time) -> Ruling {
    let allowed = that["max_depth"].as_u64().unwrap_or(0);
    let all = moments(scene, time);
    let mut watched = false;
    let ruling = worst(showing(scene).map(|node| {
        let unseen = all.iter().any(|&moment| scene.see(node, moment).state == State::Unseen);
        let away = all.iter().all(|&moment| scene.is_away(node, moment));
        watched |= all.iter().any(|&moment| scene.is_seen(node, moment));
        let shown = Shown::of(scene, node);
        let unjoined = shown
            .heads
            .windows(2)
            .any(|pair| (time.from < pair[1].0 && pair[1].0 <= time.to) && !is_joined(scene, pair[0].1, pair[1].1));
        let coming = all.last().is_some_and(|&moment| scene.see(node, moment).state == State::Coming);
        let mut open = time.cut || unseen || coming || unjoined || !named(scene, node, &all) && !away;
        for (at, what) in lines_of(scene.facts, node) {
            let What::Reorg { depth, blocks, exact, .. } = what else { continue };
            if at <= time.from || at > time.to {
                continue;
            }
            let slots = scene.facts.layer(node) == "beacon";
            let (least, most) = match blocks {
                Some(blocks) => (*blocks, if *exact { Some(*blocks) } else { None }),
                None if slots => (1, exact.then_some(*depth)),
                None => (*depth, exact.then_some(*depth)),
            };
            if least > allowed {
                return blame(scene, at);
            }
            open |= most.is_none_or(|most| most > allowed);
        }
        if open { Ruling::Unknown } else { Ruling::Pass }
    }));
    if watched { ruling } else { ruling.max(Ruling::Unknown) }
}

/// Whether the way from one head to the next was seen.
fn is_joined(scene: &Scene<'_>, one: &str, other: &str) -> bool {
    if let Stand::OneChain(_) = scene.facts.stand(one, other) {
        return true;
    }
    let chain: BTreeSet<&str> = scene.facts.chain(one).into_iter().collect();
    scene.facts.chain(other).into_iter().any(|block| chain.contains(block))
}

pub(crate) fn recover(scene: &Scene<'_>, that: &Value, when: &Value) -> Ruling {
    let facts = scene.facts;
    let within = micros(&that["within"]);
    let depth = that["depth"].as_u64().unwrap_or(2);
    let after = when["after"][0].as_str();
    let counted: Vec<&Entry> = match after {
        Some(name) => facts.family(name),
        None => facts.entries.iter().filter(|entry| !entry.is_send() && entry.planned_end.is_some()).collect(),
    };
    let mut rulings = Vec::new();
    for entry in &counted {
        let hit: Vec<&String> = showing(scene).filter(|node| entry.names(node)).collect();
        if hit.is_empty() {
            continue;
        }
        let (Some(begin), Some(end), false) =
            (entry.begin, entry.end.filter(|&end| end <= facts.end), entry.is_spoilt(facts.end))
        else {
            rulings.push(Ruling::Unknown);
            continue;
        };
        for node in hit {
            // Another entry that holds the node when this one ends, or hits it later.
            let again = facts
                .entries
                .iter()
                .filter(|other| !other.is_send() && other.names(node) && other.record.name != entry.record.name)
                .filter(|other| other.begin.is_some_and(|from| from < end + within))
                // One that was never healed may hit it still.
                .filter(|other| other.end.is_none_or(|to| to > end))
                .min_by_key(|other| other.begin);
            let later_judges =
                again.is_some_and(|again| counted.iter().any(|other| other.record.name == again.record.name));
            let until = again.and_then(|again| again.begin);
            rulings.push(match is_back(scene, node, depth, (begin, end, end + within), until) {
                Some(true) => Ruling::Pass,
                _ if later_judges => Ruling::Pass,
                None => Ruling::Unknown,
                _ if again.is_some() => Ruling::Unknown,
                Some(false) if facts.end < end + within - (within / 20).min(SECOND / 4) => Ruling::Unknown,
                Some(false) => match scene.see(node, scene.sights.moment(facts.end.min(end + within))) {
                    sight if matches!(sight.state, State::Unseen | State::Away) => Ruling::Unknown,
                    _ if may_be_back(scene, node, depth, (begin, end + within)) => Ruling::Unknown,
                    _ => blame(scene, end + within),
                },
            });
        }
    }
    worst(rulings.into_iter())
}

/// Whether a node was with more than half of the others at one moment after an entry, and before it was hit again. None if
/// it has others to be with and none of them was seen.
fn is_back(
    scene: &Scene<'_>,
    node: &str,
    depth: u64,
    (begin, end, deadline): (u64, u64, u64),
    hit_again: Option<u64>,
) -> Option<bool> {
    let all = &scene.facts.journal.run.nodes;
    let layer = scene.facts.layer(node);
    let while_open = scene.sights.moments(begin, deadline.min(scene.facts.end), true);
    let others: Vec<&str> = all
        .iter()
        .map(|other| other.name.as_str())
        .filter(|&other| other != node && scene.facts.layer(other) == layer)
        .filter(|other| while_open.iter().any(|&moment| scene.is_seen(other, moment)))
        .collect();
    let open = scene.sights.moments(end, deadline.min(scene.facts.end), true);
    let open = open.into_iter().filter(|&moment| hit_again.is_none_or(|hit| scene.sights.instants[moment] < hit));
    let alone = all.iter().filter(|other| other.layer == layer).count() == 1;
    if others.is_empty() && !alone {
        return None;
    }
    let back = open.into_iter().any(|moment| {
        let heads = scene.heads(&[node], moment);
        if alone {
            return !heads.is_empty();
        }
        let near = others.iter().filter(|other| {
            let theirs = scene.heads(&[other], moment);
            heads
                .iter()
                .zip(&theirs)
                .any(|(one, other)| matches!(scene.facts.stand(one, other), Stand::OneChain(blocks) if blocks <= depth))
        });
        2 * near.count() > others.len()
    });
    Some(back)
}

/// Whether a node would have more than half of the others with it if those who are out of sight at the deadline were with it.
fn may_be_back(scene: &Scene<'_>, node: &str, depth: u64, (begin, deadline): (u64, u64)) -> bool {
    let until = deadline.min(scene.facts.end);
    let last = scene.sights.moment(until);
    let while_open = scene.sights.moments(begin, until, true);
    let all = scene.facts.journal.run.nodes.iter().map(|other| other.name.as_str());
    let others: Vec<&str> = all
        .filter(|&other| other != node && scene.facts.layer(other) == scene.facts.layer(node))
        .filter(|other| while_open.iter().any(|&moment| scene.is_seen(other, moment)))
        .collect();
    let hidden = others.iter().filter(|other| matches!(scene.see(other, last).state, State::Unseen | State::Coming));
    let hidden = hidden.count();
    let near = others.iter().filter(|other| {
        let (heads, theirs) = (scene.heads(&[node], last), scene.heads(&[other], last));
        heads
            .iter()
            .zip(&theirs)
            .any(|(one, other)| matches!(scene.facts.stand(one, other), Stand::OneChain(blocks) if blocks <= depth))
    });
    // A node that shows nothing itself is not back, whoever is there.
    hidden > 0 && scene.is_seen(node, last) && 2 * (near.count() + hidden) > others.len()
}

/// From how many to how many lines matched in a time; no upper bound if more may have.
struct Bounds {
    least: u64,
    most: Option<u64>,
}

pub(crate) fn log(scene: &Scene<'_>, that: &Value, time: &Time) -> Ruling {
    let all: Vec<Bounds> = scene.nodes.iter().map(|node| lines_in(scene, node, that, time)).collect();
    let least: u64 = all.iter().map(|bounds| bounds.least).sum();
    let most: Option<u64> = all.iter().map(|bounds| bounds.most).sum();
    let (min, max) = (that["min"].as_u64().unwrap_or(0), that["max"].as_u64());
    let exact = scene.facts.journal.run.promises > 0;
    if max.is_some_and(|max| least > max) || exact && most.is_some_and(|most| most < min) {
        Ruling::Fail
    } else if least >= min && (max.is_none() || most.zip(max).is_some_and(|(most, max)| most <= max)) {
        Ruling::Pass
    } else {
        Ruling::Unknown
    }
}

fn lines_in(scene: &Scene<'_>, node: &str, that: &Value, time: &Time) -> Bounds {
    let facts = scene.facts;
    let promised = facts.journal.run.promises > 0;
    let wanted = that["pattern"].as_str().unwrap_or_default();
    let is_wanted = |pattern: &str, manifest: bool| pattern == wanted && (!promised || manifest == (wanted == "panic"));
    let inside = |at: u64| time.from <= at && at <= time.to;
    let mut numbers: BTreeMap<u64, u64> = BTreeMap::new();
    // Lines that matched and got no mark, as they were counted.
    let mut unmarked: Vec<(u64, u64)> = Vec::new();
    for (at, what) in lines_of(facts, node) {
        match what {
            What::LogMark { pattern, manifest, number, .. } if is_wanted(pattern, *manifest) => {
                numbers.entry(*number).or_insert(at);
            }
            What::LogCount { pattern, manifest, lines, .. } if is_wanted(pattern, *manifest) => {
                unmarked.push((at, lines.saturating_sub(numbers.len() as u64)));
            }
            _ => {}
        }
    }
    let marked = numbers.values().filter(|at| inside(**at)).count() as u64;
    let least_by = |at: u64| unmarked.iter().filter(|(told, _)| *told <= at).map(|told| told.1).max().unwrap_or(0);
    // A total that changed is written within 2 s.
    let most_by = |at: u64| match unmarked.iter().find(|(told, _)| *told >= at) {
        Some((told, lines)) if *told <= at + 2 * SECOND => Some(*lines),
        Some(_) => Some(least_by(at)),
        None if facts.ended || facts.end >= at + 2 * SECOND => Some(least_by(at)),
        None => None,
    };
    let (least_before, most_before) =
        if time.from == 0 { (0, Some(0)) } else { (least_by(time.from - 1), most_by(time.from - 1)) };
    let least = marked + most_before.map_or(0, |before| least_by(time.to).saturating_sub(before));
    let blind = time.cut || wanted == "panic" && facts.node(node).has_panic_patterns != Some(true);
    let most = if promised {
        most_by(time.to).filter(|_| !unmarked.is_empty()).map(|until| marked + until.saturating_sub(least_before))
    } else {
        (numbers.len() < 100).then_some(marked)
    };
    Bounds { least, most: most.filter(|_| !blind) }
}

pub(crate) fn exit(scene: &Scene<'_>, time: &Time) -> Ruling {
    let died = scene.nodes.iter().any(|node| {
        lines_of(scene.facts, node)
            .into_iter()
            .any(|(at, what)| matches!(what, What::Exit { expected: false, .. }) && time.from <= at && at <= time.to)
    });
    match (died, time.cut) {
        (true, _) => Ruling::Fail,
        (false, true) => Ruling::Unknown,
        (false, false) => Ruling::Pass,
    }
}

pub(crate) fn ready(scene: &Scene<'_>, that: &Value) -> Ruling {
    let facts = scene.facts;
    worst(scene.nodes.iter().map(|node| {
        let bound = if that["within"].is_object() { micros(&that["within"]) } else { facts.node(node).ready_within };
        let phases: Vec<(u64, NodePhase)> = lines_of(facts, node)
            .into_iter()
            .filter_map(|(at, what)| match what {
                What::Node { phase, .. } => Some((at, *phase)),
                _ => None,
            })
            .collect();
        let Some((started, _)) = phases.iter().find(|(_, phase)| *phase == NodePhase::Started) else {
            return Ruling::Unknown;
        };
        let found = phases.iter().find(|(_, phase)| matches!(phase, NodePhase::Ready | NodePhase::NotReady));
        match found {
            Some((at, NodePhase::Ready)) if at - started <= bound => Ruling::Pass,
            Some(_) => Ruling::Fail,
            None if facts.end < started + bound => Ruling::Unknown,
            None => Ruling::Fail,
        }
    }))
}

pub(crate) fn answered(scene: &Scene<'_>, that: &Value) -> Ruling {
    let name = that["entry"].as_str().expect("a name");
    let mut rulings = Vec::new();
    for entry in scene.facts.family(name) {
        for node in scene.nodes.iter().filter(|node| entry.names(node)) {
            let call = lines_of(scene.facts, node).into_iter().find_map(|(_, what)| match what {
                What::Called { asked_by, result, refused, .. } if *asked_by == *entry.record.name.as_str() => {
                    Some((result.as_ref(), *refused))
                }
                _ => None,
            });
            rulings.push(match (call, &that["wanted"]) {
                (None, _) => Ruling::Unknown,
                (Some((Some(_), _)), Value::String(_)) => Ruling::Pass,
                (Some((Some(result), _)), wanted) if wanted["equals"] == *result => Ruling::Pass,
                (Some((None, true)), wanted) if wanted["refused"].is_string() => Ruling::Pass,
                _ => Ruling::Fail,
            });
        }
    }
    worst(rulings.into_iter())
}
