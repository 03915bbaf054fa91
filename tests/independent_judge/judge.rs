//! A second judge, as simple as it can be, written from `docs/verdicts.md` and from nothing else of the real one.

use serde_json::Value;
use splitbrain::journal::Journal;

use super::counts::{self, blame};
use super::facts::{Entry, Facts, SECOND, Stand};
use super::questions::{Answer, Asked, Scene, outside};
use super::rounds::{Round, rounds};
use super::sight::Sights;

/// What a judge says. The worst is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ruling {
    Pass,
    Unknown,
    Fail,
}

/// A time that an expectation asks about.
#[derive(Clone, Debug)]
pub(crate) struct Time {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The run ended before it was over.
    pub(crate) cut: bool,
    /// There was no such time, or what it leans on was not as planned.
    pub(crate) void: bool,
    /// When the entry that it leans on began.
    pub(crate) began: Option<u64>,
}

/// At which moments of a time it must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Every,
    No,
    Once,
    Last,
}

/// The rulings on all expectations, and on the run.
pub(crate) fn judge(journal: &Journal) -> (Vec<Ruling>, Ruling) {
    let facts = Facts::of(journal);
    let expectations = journal.run.expectations.as_array().cloned().unwrap_or_default();
    let asked: Vec<(Mode, Vec<Time>)> = expectations.iter().map(|expectation| times(&facts, expectation)).collect();
    let mut edges: Vec<u64> = asked.iter().flat_map(|(_, times)| times).flat_map(|time| [time.from, time.to]).collect();
    edges.extend(facts.entries.iter().flat_map(|entry| [entry.begin, entry.end, entry.planned_end]).flatten());
    edges.extend(counts::deadlines(&facts, &expectations));
    for (expectation, (_, times)) in expectations.iter().zip(&asked) {
        if let ("stall", that) = that(expectation) {
            edges.extend(times.iter().map(|time| time.from + counts::time_to_settle(&facts, that)));
        }
    }
    let sights = Sights::of(&facts, &edges);
    let rulings: Vec<Ruling> = expectations
        .iter()
        .zip(&asked)
        .map(|(expectation, (mode, times))| {
            let nodes = expectation["nodes"].as_array().into_iter().flatten();
            let nodes = nodes.filter_map(Value::as_str).map(str::to_owned).collect();
            let scene = Scene { facts: &facts, sights: &sights, nodes };
            // Where lines are missing, nothing can be said.
            if journal.damage.is_empty() { rule(&scene, expectation, *mode, times) } else { Ruling::Unknown }
        })
        .collect();
    let doubt = if facts.doubtful { Ruling::Unknown } else { Ruling::Pass };
    let all = rulings.iter().copied().chain([doubt]).max().unwrap_or(Ruling::Pass);
    (rulings, all)
}

/// A duration as serde writes it, in microseconds.
pub(crate) fn micros(duration: &Value) -> u64 {
    duration["secs"].as_u64().unwrap_or(0) * SECOND + duration["nanos"].as_u64().unwrap_or(0) / 1000
}

/// The check's word and its parameters.
pub(crate) fn that(expectation: &Value) -> (&str, &Value) {
    let (word, value) = expectation["that"].as_object().and_then(|that| that.iter().next()).expect("one check");
    (word, value)
}

fn times(facts: &Facts<'_>, expectation: &Value) -> (Mode, Vec<Time>) {
    let (word, _) = that(expectation);
    let when = &expectation["when"];
    let Some(zero) = facts.zero else {
        return (Mode::Every, vec![Time { from: 0, to: 0, cut: true, void: true, began: None }]);
    };
    let whole = Time { from: zero, to: facts.end, cut: !facts.complete, void: false, began: None };
    // Log lines and exits are counted from the run's start.
    let counted_from = if ["log", "exit"].contains(&word) { 0 } else { zero };
    if let Some(name) = when.as_str() {
        return match name {
            "always" => (Mode::Every, vec![Time { from: counted_from, ..whole }]),
            "never" => (Mode::No, vec![whole]),
            "sometimes" => (Mode::Once, vec![whole]),
            _ => (Mode::Last, vec![Time { from: counted_from, ..whole }]),
        };
    }
    let (key, value) = when.as_object().and_then(|when| when.iter().next()).expect("one time");
    match key.as_str() {
        "within" => (Mode::Once, vec![span(facts, zero, micros(value), None)]),
        "at" => {
            // That instant, and no other.
            let time = span(facts, zero, micros(value), None);
            let cut = facts.end < zero + micros(value);
            (Mode::Last, vec![Time { from: counted_from, cut, ..time }])
        }
        "during" => {
            let family = facts.family(value.as_str().expect("a name"));
            (Mode::Once, family.into_iter().map(|entry| during(facts, entry)).collect())
        }
        _ => {
            let family = facts.family(value[0].as_str().expect("a name"));
            let sent = family.iter().any(|entry| entry.is_send()) && word != "diverge";
            let times = family.into_iter().map(|entry| after(facts, entry, micros(&value[1])));
            (if sent { Mode::Last } else { Mode::Once }, times.collect())
        }
    }
}

/// A time of a length, and whether the run ended before it was over.
fn span(facts: &Facts<'_>, from: u64, length: u64, began: Option<u64>) -> Time {
    let slack = (length / 20).min(SECOND / 4);
    Time {
        from,
        to: (from + length).min(facts.end),
        cut: facts.end < from + length - slack,
        void: from >= facts.end,
        began,
    }
}

fn during(facts: &Facts<'_>, entry: &Entry) -> Time {
    let nothing = Time { from: facts.end, to: facts.end, cut: true, void: true, began: None };
    let Some(begin) = entry.begin.filter(|&begin| begin <= facts.end && !entry.is_spoilt(facts.end)) else {
        return nothing;
    };
    match (entry.planned_end, entry.end) {
        (None, None) => Time { from: begin, to: facts.end, cut: !facts.complete, void: false, began: Some(begin) },
        (_, Some(end)) => {
            Time { from: begin, to: end.min(facts.end), cut: end > facts.end, void: false, began: Some(begin) }
        }
        // The run ended while it was in force.
        (Some(planned), None) if planned >= facts.end => {
            let cut = !facts.complete || planned > facts.end;
            Time { from: begin, to: facts.end, cut, void: false, began: Some(begin) }
        }
        (Some(_), None) => nothing,
    }
}

fn after(facts: &Facts<'_>, entry: &Entry, within: u64) -> Time {
    let from = if entry.is_send() { entry.begin } else { entry.end };
    match from.filter(|_| !entry.is_spoilt(facts.end)) {
        Some(from) => span(facts, from, within, entry.begin),
        None => Time { from: facts.end, to: facts.end, cut: true, void: true, began: None },
    }
}

fn rule(scene: &Scene<'_>, expectation: &Value, mode: Mode, times: &[Time]) -> Ruling {
    let (word, that) = that(expectation);
    match word {
        "ready" => return counts::ready(scene, that),
        "answered" => return counts::answered(scene, that),
        "recover" => return counts::recover(scene, that, &expectation["when"]),
        _ => {}
    }
    // Who shows different chains has nothing to agree on.
    let compares = ["agree", "diverge"].contains(&word);
    let nothing_to_compare = compares && scene.nodes.len() > 1 && scene.layers().iter().all(|layer| layer.len() < 2);
    let of_one = |time: &Time| {
        if time.void || nothing_to_compare {
            return Ruling::Unknown;
        }
        match word {
            "progress" => counts::progress(scene, that, time),
            "stall" => counts::stall(scene, that, time),
            "reorg" => counts::reorg(scene, that, time),
            "log" => counts::log(scene, that, time),
            "exit" => counts::exit(scene, time),
            "rpc_equal" => over_rounds(scene, expectation, mode, time),
            _ => over_moments(scene, expectation, mode, time),
        }
    };
    // Calls after an entry that repeats are made after its last repetition.
    let alone = word == "rpc_equal" && expectation["when"]["after"].is_array();
    let times = if alone { &times[times.len().saturating_sub(1)..] } else { times };
    times.iter().map(of_one).max().unwrap_or(Ruling::Unknown)
}

fn answer(scene: &Scene<'_>, expectation: &Value, moment: usize) -> Answer {
    let (word, that) = that(expectation);
    let asked = if word == "diverge" { Asked::Diverge } else { Asked::Agree { depth: that["depth"].as_u64() } };
    match word {
        "peers" => scene.peers(that, moment),
        "finality" => scene.finality(that, moment),
        _ => match (that["on"].as_str(), that["on"]["height"].as_u64()) {
            (_, Some(height)) => scene.on_height(asked, height, moment),
            (Some("finalized"), _) => scene.on_finalized(asked, moment),
            _ => scene.on_head(asked, moment),
        },
    }
}

/// Whether a wait for somebody may not go on for ever: questions about heads and peers.
fn is_impatient(expectation: &Value) -> bool {
    let (word, that) = that(expectation);
    word == "peers" || ["agree", "diverge"].contains(&word) && that["on"] == "head"
}

fn over_moments(scene: &Scene<'_>, expectation: &Value, mode: Mode, time: &Time) -> Ruling {
    let with_end = time.to == scene.facts.end;
    let moments = match mode {
        Mode::Last => vec![scene.sights.moment(time.to)],
        _ => scene.sights.moments(time.from, time.to, with_end),
    };
    // Where nobody was seen at all, nothing passes.
    let somebody = scene.nodes.iter().any(|node| moments.iter().any(|&moment| scene.is_seen(node, moment)));
    let apart = that(expectation).0 == "diverge";
    let least = if somebody || apart { Ruling::Pass } else { Ruling::Unknown };
    let answers: Vec<(usize, Answer)> =
        moments.iter().map(|&moment| (moment, answer(scene, expectation, moment))).collect();
    least.max(match mode {
        Mode::Every => steadily(scene, expectation, time, &answers, Answer::No),
        Mode::No => steadily(scene, expectation, time, &answers, Answer::Yes),
        Mode::Once => once(scene, expectation, time, &moments, &answers),
        Mode::Last => at_last(scene, expectation, time, answers.last().copied()),
    })
}

fn over_rounds(scene: &Scene<'_>, expectation: &Value, mode: Mode, time: &Time) -> Ruling {
    let (_, that) = that(expectation);
    let all = rounds(scene, that);
    let asked_at = matches!(expectation["when"].as_object(), Some(when) if when.contains_key("at"));
    let inside: Vec<_> = if asked_at {
        all.iter().filter(|round| round.at >= time.to).take(1).collect()
    } else {
        all.iter().filter(|round| time.from <= round.at && round.at <= time.to).collect()
    };
    let once = !["always", "never", "at_end"].contains(&expectation["when"].as_str().unwrap_or_default()) && !asked_at;
    let nothing = if once { Answer::NotYet } else { Answer::Unseen };
    let moments = scene.sights.moments(time.from, time.to, time.to == scene.facts.end);
    let seen = |node: &&String| once && moments.iter().any(|&moment| scene.is_seen(node, moment));
    let part: Vec<&String> = scene.nodes.iter().filter(seen).collect();
    let answer = |round: &Round| round.answer(scene, time.began, nothing, &part);
    let answers: Vec<(usize, Answer)> =
        inside.iter().map(|round| (scene.sights.moment(round.at), answer(round))).collect();
    if answers.is_empty() {
        return Ruling::Unknown;
    }
    match mode {
        Mode::Every => steadily(scene, expectation, time, &answers, Answer::No),
        Mode::No => steadily(scene, expectation, time, &answers, Answer::Yes),
        Mode::Once if answers.iter().any(|(_, answer)| *answer == Answer::Yes) => Ruling::Pass,
        Mode::Once => never_yes(scene, time, &answers),
        Mode::Last => at_last(scene, expectation, time, answers.last().copied()),
    }
}

/// At every moment (`against` is no) or at none (`against` is yes).
fn steadily(
    scene: &Scene<'_>,
    expectation: &Value,
    time: &Time,
    answers: &[(usize, Answer)],
    against: Answer,
) -> Ruling {
    if let Some(&(moment, _)) = answers.iter().find(|(_, answer)| *answer == against) {
        return blame(scene, scene.sights.instants[moment]);
    }
    let unseen = answers.iter().any(|(_, answer)| *answer == Answer::Unseen);
    let open = answers.last().is_none_or(|(_, answer)| *answer == Answer::NotYet);
    let waited_long = is_impatient(expectation) && waits_too_long(scene, time, answers);
    if time.cut || unseen || open || waited_long { Ruling::Unknown } else { Ruling::Pass }
}

/// Whether **not yet** went on for longer than the longest grace of the nodes that are meant.
fn waits_too_long(scene: &Scene<'_>, time: &Time, answers: &[(usize, Answer)]) -> bool {
    let instant = |moment: usize| scene.sights.instants[moment];
    let mut since: Option<usize> = None;
    for (index, &(moment, answer)) in answers.iter().enumerate() {
        if answer != Answer::NotYet {
            since = None;
            continue;
        }
        let first = *since.get_or_insert(moment);
        let until = answers.get(index + 1).map_or(time.to, |&(next, _)| instant(next));
        let grace = scene.nodes.iter().map(|node| scene.see(node, first).grace).max().unwrap_or(0);
        if until.saturating_sub(instant(first)) > grace {
            return true;
        }
    }
    false
}

fn once(scene: &Scene<'_>, expectation: &Value, time: &Time, moments: &[usize], answers: &[(usize, Answer)]) -> Ruling {
    let (word, _) = that(expectation);
    let left_out =
        |moment: usize| -> Vec<&String> { scene.nodes.iter().filter(|node| scene.is_away(node, moment)).collect() };
    let seen: Vec<(&String, usize)> = scene
        .nodes
        .iter()
        .filter_map(|node| {
            let last = moments.iter().rev().find(|&&moment| scene.is_seen(node, moment));
            last.map(|&last| (node, last))
        })
        .collect();
    let yes: Vec<usize> =
        answers.iter().filter(|(_, answer)| *answer == Answer::Yes).map(|&(moment, _)| moment).collect();
    // Two that are apart are apart, whoever else is there.
    let whole = yes.iter().any(|&moment| {
        word == "diverge" || left_out(moment).iter().all(|node| seen.iter().all(|(name, _)| name != node))
    });
    if whole {
        return Ruling::Pass;
    }
    if yes.is_empty() {
        return never_yes(scene, time, answers);
    }
    let unseen = answers.iter().any(|(_, answer)| *answer == Answer::Unseen);
    let last = answers.last().copied();
    let in_force = |moment: usize| answers.iter().rev().find(|&&(at, _)| at <= moment).map(|&(_, answer)| answer);
    if seen.iter().all(|&(_, moment)| in_force(moment) == Some(Answer::Yes)) {
        return Ruling::Pass;
    }
    let nobody_out = moments
        .last()
        .is_some_and(|&moment| left_out(moment).iter().all(|node| seen.iter().all(|(name, _)| name != node)));
    let no = last.is_some_and(|(_, answer)| answer == Answer::No);
    if nobody_out && no && !time.cut && !unseen { blame(scene, time.to) } else { Ruling::Unknown }
}

/// What follows where it held at no moment.
fn never_yes(scene: &Scene<'_>, time: &Time, answers: &[(usize, Answer)]) -> Ruling {
    let unseen = answers.iter().any(|(_, answer)| *answer == Answer::Unseen);
    let open = answers.last().is_none_or(|(_, answer)| *answer == Answer::NotYet);
    if time.cut || unseen || open { Ruling::Unknown } else { blame(scene, time.to) }
}

fn at_last(scene: &Scene<'_>, expectation: &Value, time: &Time, last: Option<(usize, Answer)>) -> Ruling {
    let nobody = |moment: usize| scene.nodes.iter().all(|node| scene.is_away(node, moment));
    match last {
        Some((moment, _)) if nobody(moment) => Ruling::Unknown,
        Some((moment, Answer::Yes)) if !time.cut && !somebody_dissented(scene, expectation, moment) => Ruling::Pass,
        Some((_, Answer::No)) if !time.cut => blame(scene, time.to),
        _ => Ruling::Unknown,
    }
}

/// Whether somebody who is left out at this moment had said otherwise when it was last seen.
fn somebody_dissented(scene: &Scene<'_>, expectation: &Value, moment: usize) -> bool {
    let (word, that) = that(expectation);
    let checkpoint = that["on"].as_str().unwrap_or("finalized");
    let lookers = scene.lookers(checkpoint);
    scene.nodes.iter().filter(|node| scene.is_away(node, moment)).any(|node| {
        let last = scene.see(node, moment);
        match word {
            "agree" if that["on"] == "head" => last.last_head.as_deref().is_some_and(|head| {
                let others: Vec<&str> = scene.nodes.iter().map(String::as_str).collect();
                let layer = |other: &&str| scene.facts.layer(other) == scene.facts.layer(node);
                let others: Vec<&str> = others.into_iter().filter(layer).collect();
                let heads = scene.heads(&others, moment);
                heads.iter().any(|other| scene.facts.stand(head, other) == Stand::Apart)
            }),
            "peers" => last.last_peers.is_some_and(|count| outside(that, count)),
            "finality" if lookers.contains(node) => {
                let said = if checkpoint == "justified" {
                    last.last_justified
                } else {
                    last.last_finalized.as_ref().map(|said| said.0)
                };
                last.last_head.as_deref().zip(said).is_some_and(|(head, said)| scene.lags(that, node, head, said))
            }
            _ => false,
        }
    })
}
