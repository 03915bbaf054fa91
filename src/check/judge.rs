//! Journal to verdict: reads the expectations, asks each check, and puts the answers together.

use std::collections::{BTreeMap, BTreeSet};

use super::attendance::Attendance;
use super::conclusion::Conclusion;
use super::diagnosis::{Diagnosis, diagnose_run};
use super::doubts::{damage, doubts};
use super::episodes::convergence;
use super::findings::{Finding, findings};
use super::history::{History, State};
use super::intervals::{Interval, Mode};
use super::moments::{Answer, Asked, Found, Moment, Moments};
use super::verdict::{ExpectationResult, FaultInstant, FaultTiming, VERDICT_SCHEMA, Verdict};
use super::{Expectation, Outcome, That, When, explain::Explanation};
use crate::journal::{FaultPhase, Journal, What};

/// What a check is given.
#[derive(Debug)]
pub(crate) struct Case<'h, 'a> {
    pub(crate) history: &'h History<'a>,
    pub(crate) when: &'h When,
    /// The nodes that are meant, as indices.
    pub(crate) nodes: Vec<usize>,
    /// What stands out in the run.
    pub(crate) findings: &'h [Finding],
}

/// How a question is asked at every moment.
pub(crate) struct How<'q> {
    /// It is about a state that lasts: after something was sent, it is asked when the time is over.
    pub(crate) lasts: bool,
    /// A node that is away might have made the difference.
    pub(crate) absence_counts: bool,
    /// Nodes were asked after the last repetition of an entry only.
    pub(crate) last_alone: bool,
    /// A pass says who was left out. What a node called final goes on counting while it is away: nobody is left out of that.
    pub(crate) names_absent: bool,
    /// Answers that are still to come count as not seen if they take too long.
    pub(crate) patient: bool,
    /// Whether a node that is left out at a moment contradicted at the one at which it was last seen: node, last seen,
    /// moment.
    pub(crate) dissents: Option<&'q dyn Fn(usize, u64, u64) -> bool>,
    /// What is open at a moment at which all could be asked and there is no answer all the same.
    pub(crate) open: &'q dyn Fn(u64) -> String,
}

/// Whether a node in such a state should be there and could not be asked.
fn is_missing(state: State) -> bool {
    matches!(state, State::Unseen | State::Coming | State::Dead)
}

/// What a check gives back.
#[derive(Clone, Debug)]
pub(crate) struct Judgement {
    pub(crate) outcome: Outcome,
    pub(crate) summary: String,
    pub(crate) facts: Vec<String>,
    pub(crate) evidence: Vec<u64>,
    pub(crate) figures: BTreeMap<String, serde_json::Value>,
    pub(crate) moment: Option<u64>,
    pub(crate) explanation: Option<Explanation>,
    pub(crate) diagnosis: Option<Diagnosis>,
}

impl Judgement {
    pub(crate) fn new(outcome: Outcome, summary: impl Into<String>) -> Self {
        Self {
            outcome,
            summary: summary.into(),
            facts: Vec::new(),
            evidence: Vec::new(),
            figures: BTreeMap::new(),
            moment: None,
            explanation: None,
            diagnosis: None,
        }
    }

    pub(crate) fn figure(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.figures.insert(name.to_owned(), value.into());
        self
    }
}

/// Judges a run from its journal alone.
pub fn judge(journal: &Journal) -> Verdict {
    let history = History::new(journal);
    let expectations: Result<Vec<Expectation>, _> = serde_json::from_value(journal.run.expectations.clone());
    let findings = findings(&history);
    let results: Vec<ExpectationResult> = match expectations {
        Ok(expectations) => {
            let damage = damage(journal);
            let mut results: Vec<_> =
                expectations.iter().map(|expectation| result(&history, &findings, expectation)).collect();
            for result in &mut results {
                cast_doubt(result, damage.as_deref());
            }
            results
        }
        Err(error) => vec![unreadable(&error)],
    };
    let doubts = doubts(&history, journal);
    let worst: Outcome = results.iter().map(|result| result.outcome).collect();
    let mut verdict = Verdict {
        schema: VERDICT_SCHEMA,
        outcome: worst.and(if doubts.is_empty() { Outcome::Pass } else { Outcome::Unknown }),
        conclusion: Conclusion::Unknown,
        doubts,
        ended: history.ended.map(str::to_owned),
        results,
        convergence: convergence(&history),
        timing: timing(journal),
        diagnoses: diagnose_run(&history),
        findings,
    };
    verdict.conclusion = Conclusion::of(&verdict, journal);
    verdict
}

/// What a damaged journal seems to show may be what is missing in it: neither a pass nor a failure of it counts.
fn cast_doubt(result: &mut ExpectationResult, damage: Option<&str>) {
    if let Some(damage) = damage {
        result.facts.insert(0, format!("what is left of it says: {}", result.summary));
        result.outcome = Outcome::Unknown;
        result.summary = format!("cannot be told: {damage}");
    }
}

fn unreadable(error: &serde_json::Error) -> ExpectationResult {
    ExpectationResult {
        label: "the expectations of this journal".to_owned(),
        keyword: String::new(),
        place: String::new(),
        outcome: Outcome::Unknown,
        summary: "they cannot be read by this version of the tool".to_owned(),
        facts: vec![error.to_string()],
        evidence: vec![0],
        figures: BTreeMap::new(),
        moment: None,
        explanation: None,
        diagnosis: None,
    }
}

fn result(history: &History<'_>, findings: &[Finding], expectation: &Expectation) -> ExpectationResult {
    let nodes = history.indices(&expectation.nodes);
    let mut case = Case { history, when: &expectation.when, nodes, findings };
    let meant = case.nodes.clone();
    if !matches!(expectation.that, That::Ready(_) | That::Log(_) | That::Exit(_) | That::Answered(_)) {
        case.nodes = history.showing(&case.nodes);
    }
    let compares = matches!(expectation.that, That::Agree(_) | That::Diverge(_));
    let judgement = if meant.is_empty() {
        Judgement::new(Outcome::Unknown, "no node of the run is meant")
    } else if case.nodes.is_empty() {
        Judgement::new(Outcome::Unknown, format!("cannot be told: {}", shows_nothing(history, &meant)))
    } else if compares && meant.len() > 1 && history.layers(&case.nodes).iter().all(|layer| layer.nodes.len() < 2) {
        Judgement::new(Outcome::Unknown, "cannot be told: no two of these nodes show the same chain")
    } else {
        match &expectation.that {
            That::Ready(check) => check.judge(&case),
            That::Agree(check) => check.judge(&case),
            That::Diverge(check) => check.judge(&case),
            That::Progress(check) => check.judge(&case),
            That::Stall(check) => check.judge(&case),
            That::Finality(check) => check.judge(&case),
            That::Recover(check) => check.judge(&case),
            That::Peers(check) => check.judge(&case),
            That::Reorg(check) => check.judge(&case),
            That::Log(check) => check.judge(&case),
            That::Exit(check) => check.judge(&case),
            That::RpcEqual(check) => check.judge(&case),
            That::Answered(check) => check.judge(&case),
            That::Diagnosis(check) => check.judge(&case),
        }
    };
    let mut judgement = judgement;
    case.say_who_was_left_out(&expectation.that, &mut judgement);
    case.excuse_after_a_standstill(&expectation.that, &mut judgement);
    case.explain_trouble(&expectation.that, &mut judgement);
    let mut evidence = judgement.evidence;
    evidence.sort_unstable();
    evidence.dedup();
    ExpectationResult {
        label: expectation.label.clone(),
        keyword: expectation.that.keyword().to_owned(),
        place: expectation.place.clone(),
        outcome: judgement.outcome,
        summary: judgement.summary,
        facts: judgement.facts,
        evidence,
        figures: judgement.figures,
        moment: judgement.moment,
        explanation: judgement.explanation,
        diagnosis: judgement.diagnosis,
    }
}

/// Nodes that only run a process have nothing to say about a chain.
fn shows_nothing(history: &History<'_>, nodes: &[usize]) -> String {
    let names: Vec<String> = nodes.iter().map(|&node| history.name(node).to_string()).collect();
    let verb = if names.len() == 1 { "shows" } else { "show" };
    format!("{} {verb} no chain (adapter `process`)", super::questions::name_list(&names))
}

fn timing(journal: &Journal) -> FaultTiming {
    let mut timing = FaultTiming::default();
    // What was sent has its own lines; how late a call was is no error of a fault.
    let sends = journal.run.windows.iter().filter(|window| window.fault == super::SEND);
    let sends: BTreeSet<_> = sends.map(|window| &window.name).collect();
    for event in &journal.events {
        let What::Fault { entry, phase, planned, applied, error } = &event.what else { continue };
        if sends.contains(entry) {
            continue;
        }
        timing.instants.push(FaultInstant {
            entry: entry.clone(),
            begin: *phase == FaultPhase::Begin,
            planned: *planned,
            applied: *applied,
            error: error.clone(),
        });
    }
    timing.worst = timing.instants.iter().map(|instant| instant.planned.abs_diff(instant.applied)).max();
    timing
}

impl Case<'_, '_> {
    /// Judges a question that has an answer at every moment, time by time.
    #[expect(clippy::result_large_err, reason = "made once for each expectation")]
    fn findings(&self, moments: &Moments, how: &How<'_>) -> Result<Vec<Found>, Judgement> {
        let mut intervals =
            self.when.intervals(self.history).map_err(|reason| Judgement::new(Outcome::Unknown, reason))?;
        if how.last_alone && matches!(self.when, When::After(..)) {
            intervals.drain(..intervals.len().saturating_sub(1));
        }
        let attendance = self.attendance();
        let asked = Asked {
            moments,
            mode: self.when.mode(self.history, how.lasts),
            attendance: how.absence_counts.then_some(&attendance),
            patience: how.patient.then(|| self.patience()),
            dissents: how.dissents,
        };
        let mut found: Vec<Found> = intervals.iter().map(|interval| asked.judge(interval)).collect();
        // What a node said before it went away goes on counting, but where nobody was seen nothing passes.
        for found in found.iter_mut().filter(|found| how.absence_counts && found.outcome == Outcome::Pass) {
            let Interval { from, to, .. } = found.interval;
            let from = if asked.mode == Mode::AtLast { to } else { from };
            if attendance.took_part(from, to).is_empty() {
                found.outcome = Outcome::Unknown;
                found.because = Some(format!("no node was there {}", self.history.moment(found.moment.at)));
            }
        }
        Ok(found)
    }

    /// Who is asked.
    pub(crate) fn attendance(&self) -> Attendance<'_, '_> {
        Attendance { history: self.history, nodes: &self.nodes }
    }

    /// The longest time that one of the nodes may take to come.
    fn patience(&self) -> u64 {
        self.nodes.iter().map(|&node| self.history.nodes[node].grace).max().unwrap_or(0)
    }

    /// Which of the findings decides: the first of the worst.
    pub(crate) fn worst(findings: Vec<Found>) -> Option<Found> {
        // `max_by_key` takes the last of equals.
        findings.into_iter().rev().max_by_key(|finding| finding.outcome)
    }

    /// The whole way for a question that has an answer at every moment. `words` says for the answers yes and no what
    /// that means (`the nodes agree`, `the nodes do not agree`); `tell` adds facts about the moment that decided.
    pub(crate) fn judge_moments(
        &self,
        moments: &Moments,
        words: (&str, &str),
        how: &How<'_>,
        tell: impl FnOnce(&mut Judgement, u64),
    ) -> Judgement {
        let findings = match self.findings(moments, how) {
            Ok(findings) => findings,
            Err(judgement) => return judgement,
        };
        let seconds: Vec<(String, f64)> = findings
            .iter()
            .filter(|finding| {
                finding.outcome == Outcome::Pass && matches!(self.when, When::After(..) | When::During(_))
            })
            .map(|finding| {
                (
                    finding.interval.name.clone(),
                    (finding.moment.at - finding.interval.from.min(finding.moment.at)) as f64 / 1e6,
                )
            })
            .collect();
        let Some(finding) = Self::worst(findings) else {
            return Judgement::new(Outcome::Unknown, "the timeline has no such entry");
        };
        let mut judgement = Judgement::new(finding.outcome, self.summary(&finding, words, how));
        // Of a time that there was not, what the nodes did meanwhile is not asked.
        let Interval { from, to, cut_short, spoilt, name, evidence } = &finding.interval;
        if spoilt.is_some() || (cut_short.is_some() && from == to && !name.is_empty()) {
            judgement.evidence.clone_from(evidence);
            return judgement;
        }
        judgement.moment = Some(finding.moment.at);
        judgement.evidence.clone_from(&finding.interval.evidence);
        // Before anything was told of these nodes there is no line to show.
        judgement.evidence.extend(Some(finding.moment.seq).filter(|seq| *seq > 0));
        if let [(_, one)] = seconds.as_slice() {
            judgement.figures.insert("after_s".to_owned(), (*one).into());
        } else {
            judgement
                .figures
                .extend(seconds.into_iter().map(|(name, value)| (format!("{name}.after_s"), value.into())));
        }
        if finding.outcome != Outcome::Pass {
            tell(&mut judgement, finding.moment.at);
            if let Some(reason) = finding.because.as_ref().filter(|reason| !judgement.summary.contains(*reason)) {
                judgement.facts.insert(0, reason.clone());
            }
            if let Some(reason) =
                finding.interval.cut_short.as_ref().filter(|reason| !judgement.summary.contains(*reason))
            {
                judgement.facts.push(reason.clone());
            }
            self.tell_errors(&mut judgement);
        }
        judgement
    }

    /// What could not be done of the fault that the expectation speaks of.
    fn tell_errors(&self, judgement: &mut Judgement) {
        if let When::During(entry) | When::After(entry, _) = self.when {
            for window in self.history.family(entry.as_str()) {
                judgement.facts.extend(window.errors.iter().map(|error| format!("{}: {error}", window.record.name)));
            }
        }
    }

    fn summary(&self, finding: &Found, (yes, no): (&str, &str), how: &How<'_>) -> String {
        let Found { outcome, moment, interval, because } = finding;
        let when = self.history.moment(moment.at);
        let Interval { from, to, name, cut_short, spoilt, .. } = interval;
        let since = super::questions::seconds(moment.at.saturating_sub(*from));
        let span = super::questions::seconds(to.saturating_sub(*from));
        let unseen = matches!(moment.answer, Answer::Unseen | Answer::NotYet);
        let mode = self.when.mode(self.history, how.lasts);
        // Where nobody is left out by the way it is asked, nobody is named.
        let without = |from: u64, to: u64| match how.names_absent.then(|| self.attendance().left_out(from, to)) {
            Some(Some(without)) => format!(", {without}"),
            _ => String::new(),
        };
        let then = || without(moment.at, moment.at);
        match (outcome, self.when) {
            (Outcome::Unknown, _) if spoilt.is_some() => {
                format!("cannot be told: {}", spoilt.as_deref().unwrap_or_default())
            }
            (Outcome::Unknown, _) if cut_short.is_some() && !unseen && from < to => match moment.answer {
                Answer::Yes => format!("{yes} {when}, but the time that was asked for was not reached"),
                _ => format!("{no} {when}, but the time that was asked for was not reached"),
            },
            (Outcome::Unknown, _) => match (cut_short, because) {
                (Some(reason), _) => format!("cannot be told: {reason}"),
                (None, Some(reason)) => format!("cannot be told: {reason}"),
                (None, None) => format!("cannot be told: {}", self.what_is_missing(moment, how)),
            },
            (Outcome::Pass, When::After(..)) if mode == Mode::AtLast => {
                format!("{yes} {span} after {name}{}", then())
            }
            (Outcome::Fail, When::After(..)) if mode == Mode::AtLast => format!("{no} {span} after {name}"),
            (Outcome::Pass, When::After(..)) if moment.at == *from => {
                format!("{yes} as soon as {name} ended{}", then())
            }
            (Outcome::Pass, When::After(..)) => format!("{yes} {since} after {name} ended{}", then()),
            (Outcome::Pass, When::During(_)) if moment.at == *from => {
                format!("{yes} as soon as {name} began{}", then())
            }
            (Outcome::Pass, When::During(_)) => format!("{yes} {since} after {name} began{}", then()),
            (Outcome::Pass, When::Always) => format!("{yes} at every moment{}", without(*from, *to)),
            (Outcome::Pass, When::Never) => format!("{no} at every moment{}", without(*from, *to)),
            (Outcome::Pass, _) => format!("{yes} {when}{}", then()),
            (Outcome::Fail, When::After(..)) => format!("{no} at any moment in the {span} after {name} ended"),
            (Outcome::Fail, When::During(_)) => format!("{no} at any moment of {name}"),
            (Outcome::Fail, When::Within(_) | When::Sometimes) => format!("{no} at any moment of {span}"),
            (Outcome::Fail, When::Never) => format!("{yes} {when}"),
            (Outcome::Fail, _) => format!("{no} {when}"),
        }
    }

    /// Why the answer at a moment is none, in the words of what is really missing.
    fn what_is_missing(&self, moment: &Moment, how: &How<'_>) -> String {
        let when = self.history.moment(moment.at);
        let missing: Vec<&usize> =
            self.nodes.iter().filter(|&&node| is_missing(self.history.state_at(node, moment.at).1)).collect();
        match missing.as_slice() {
            [] if self.nodes.iter().all(|&node| self.history.state_at(node, moment.at).1 == State::Away) => {
                format!("no node was there {when}")
            }
            [] => format!("{} {when}", (how.open)(moment.at)),
            [node] => format!("{} could not be asked {when}", self.history.name(**node)),
            all => {
                let names: Vec<String> = all.iter().map(|&&node| self.history.name(node).to_string()).collect();
                format!("{} could not be asked {when}", super::questions::name_list(&names))
            }
        }
    }

    /// While the tool stood still it carried no packets and asked nobody: what the network did then and afterwards may be
    /// its doing, so nobody is blamed for it.
    fn excuse_after_a_standstill(&self, that: &That, judgement: &mut Judgement) {
        let engine = matches!(that, That::Ready(_) | That::Log(_) | That::Exit(_) | That::Answered(_));
        if engine || judgement.outcome != Outcome::Fail {
            return;
        }
        let ends = self.when.intervals(self.history).unwrap_or_default();
        let last = ends.iter().map(|interval| interval.to).max().unwrap_or(self.history.end);
        let decided = judgement.moment.unwrap_or(last);
        let Some(&(from, to, ..)) = self.history.standstills.iter().find(|still| still.0 <= decided) else { return };
        let since = |at: u64| self.history.moment(at).trim_start_matches("at ").to_owned();
        judgement.outcome = Outcome::Unknown;
        judgement.facts.insert(0, judgement.summary.clone());
        judgement.summary = format!(
            "cannot be told: splitbrain itself stood still from {} to {}, and carried nothing then",
            since(from),
            since(to)
        );
    }

    /// A pass of a check that counts is one without those that the timeline had taken away: that stands in its line.
    fn say_who_was_left_out(&self, that: &That, judgement: &mut Judgement) {
        let counts = matches!(that, That::Progress(_) | That::Stall(_) | That::Reorg(_));
        if !counts || judgement.outcome != Outcome::Pass {
            return;
        }
        let zero = self.history.zero.unwrap_or(0);
        for span in self.spans(zero).unwrap_or_default() {
            if let Some(without) = self.attendance().left_out(span.from, span.to) {
                judgement.summary = format!("{}, {without}", judgement.summary);
                return;
            }
        }
    }

    /// Why nodes could not be asked at a moment.
    pub(crate) fn missing(&self, at: u64) -> Vec<String> {
        self.nodes
            .iter()
            .filter(|&&node| self.history.state_at(node, at).1 != super::history::State::Away)
            .filter_map(|&node| self.history.why_missing(node, at))
            .collect()
    }

    /// Which nodes never said what they call final, as one line.
    pub(crate) fn never_final(&self, at: u64) -> Option<String> {
        let silent: Vec<String> = self
            .nodes
            .iter()
            .filter(|&&node| self.history.finalized_at(node, at).is_none())
            .map(|&node| self.history.name(node).to_string())
            .collect();
        match silent.len() {
            0 => None,
            count if count == self.history.nodes.len() || (count == self.nodes.len() && self.is_everybody()) => {
                Some("no node ever called anything final".to_owned())
            }
            _ => Some(format!("{} never said what is final", super::questions::name_list(&silent))),
        }
    }

    /// Whether all nodes that show a chain are meant.
    fn is_everybody(&self) -> bool {
        let all: Vec<usize> = (0..self.history.nodes.len()).collect();
        self.history.showing(&all).len() == self.nodes.len()
    }

    /// Counts something over each time that is meant, and puts the results together: the worst speaks, all figures stay.
    /// `whole` is from where `always`, `at` and `at_end` count.
    pub(crate) fn count(&self, whole: u64, judge: impl Fn(&Interval) -> Judgement) -> Judgement {
        let spans = match self.spans(whole) {
            Ok(spans) => spans,
            Err(reason) => return Judgement::new(Outcome::Unknown, reason),
        };
        let one = |span: &Interval| match &span.spoilt {
            Some(reason) => Judgement::new(Outcome::Unknown, format!("cannot be told: {reason}")),
            None if span.cut_short.is_some() && span.from == span.to && !span.name.is_empty() => {
                let reason = span.cut_short.clone().unwrap_or_default();
                Judgement::new(Outcome::Unknown, format!("cannot be told: {reason}"))
            }
            None => judge(span),
        };
        Self::together(spans.iter().map(one).collect())
    }

    fn spans(&self, whole: u64) -> Result<Vec<Interval>, String> {
        let mut intervals = match self.when {
            // Deaths and lines of logs are counted from the run's start on, also where no timeline began.
            When::AtEnd | When::Always | When::Sometimes | When::Never => {
                let cut_short = (!self.history.complete()).then(|| self.history.how_it_ended());
                let to = self.history.end.max(whole);
                let (name, evidence) = (String::new(), Vec::new());
                return Ok(vec![Interval { from: whole, to, cut_short, spoilt: None, name, evidence }]);
            }
            // What was counted up to the end of a run that did not come so far may decide all the same.
            When::At(at) if self.history.zero.is_some_and(|zero| zero + at.as_micros() as u64 > self.history.end) => {
                let cut_short = Some(self.history.how_it_ended());
                let (name, evidence) = (String::new(), Vec::new());
                let to = self.history.end.max(whole);
                return Ok(vec![Interval { from: whole, to, cut_short, spoilt: None, name, evidence }]);
            }
            _ => self.when.intervals(self.history)?,
        };
        if matches!(self.when, When::At(_)) {
            for interval in &mut intervals {
                interval.from = whole.min(interval.to);
            }
        }
        Ok(intervals)
    }

    /// For people: ` during split#2`, ` in the 20.0 s after split`, or nothing.
    pub(crate) fn span_name(&self, interval: &Interval) -> String {
        let length = super::questions::seconds(interval.to - interval.from);
        match self.when {
            When::During(_) => format!(" during {}", interval.name),
            When::After(..) => format!(" in the {length} after {} ended", interval.name),
            _ => format!(" in {length}"),
        }
    }

    /// Puts the answers of several intervals together: the worst speaks, all figures stay.
    pub(crate) fn together(judgements: Vec<Judgement>) -> Judgement {
        let outcome = judgements.iter().map(|judgement| judgement.outcome).collect::<Outcome>();
        let mut figures = BTreeMap::new();
        for judgement in &judgements {
            figures.extend(judgement.figures.clone());
        }
        let first = judgements.into_iter().find(|judgement| judgement.outcome == outcome);
        let first = first.unwrap_or_else(|| Judgement::new(Outcome::Unknown, "the timeline has no such entry"));
        Judgement { figures, ..first }
    }
}
