//! Journal to verdict: reads the expectations, asks each check, and puts the answers together.

use std::collections::{BTreeMap, BTreeSet};

use super::conclusion::Conclusion;
use super::diagnosis::{Diagnosis, diagnose_run};
use super::episodes::convergence;
use super::findings::{Finding, findings};
use super::history::History;
use super::moments::{Answer, Found, Interval, Moments, judge_interval};
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
        Ok(expectations) => expectations.iter().map(|expectation| result(&history, &findings, expectation)).collect(),
        Err(error) => vec![unreadable(&error)],
    };
    let mut verdict = Verdict {
        schema: VERDICT_SCHEMA,
        outcome: results.iter().map(|result| result.outcome).collect(),
        conclusion: Conclusion::Unknown,
        doubts: Vec::new(),
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
    /// Judges a question that has an answer at every moment: the worst of all intervals counts.
    #[expect(clippy::result_large_err, reason = "made once for each expectation")]
    pub(crate) fn findings(&self, moments: &Moments) -> Result<Vec<Found>, Judgement> {
        let intervals = self.when.intervals(self.history).map_err(|reason| Judgement::new(Outcome::Unknown, reason))?;
        let mode = self.when.mode();
        Ok(intervals.iter().map(|interval| judge_interval(moments, mode, interval)).collect())
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
        tell: impl FnOnce(&mut Judgement, u64),
    ) -> Judgement {
        let findings = match self.findings(moments) {
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
        let mut judgement = Judgement::new(finding.outcome, self.summary(&finding, words));
        judgement.moment = Some(finding.moment.at);
        judgement.evidence.clone_from(&finding.interval.evidence);
        judgement.evidence.push(finding.moment.seq);
        if let [(_, one)] = seconds.as_slice() {
            judgement.figures.insert("after_s".to_owned(), (*one).into());
        } else {
            judgement
                .figures
                .extend(seconds.into_iter().map(|(name, value)| (format!("{name}.after_s"), value.into())));
        }
        if finding.outcome != Outcome::Pass {
            tell(&mut judgement, finding.moment.at);
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

    fn summary(&self, finding: &Found, (yes, no): (&str, &str)) -> String {
        let Found { outcome, moment, interval } = finding;
        let when = self.history.moment(moment.at);
        let Interval { from, to, name, cut_short, .. } = interval;
        let since = super::questions::seconds(moment.at.saturating_sub(*from));
        let span = super::questions::seconds(to.saturating_sub(*from));
        let unseen = matches!(moment.answer, Answer::Unseen | Answer::NotYet);
        match (outcome, self.when) {
            (Outcome::Unknown, _) if cut_short.is_some() && !unseen => match moment.answer {
                Answer::Yes => format!("{yes} {when}, but the time that was asked for was not reached"),
                _ => format!("{no} {when}, but the time that was asked for was not reached"),
            },
            (Outcome::Unknown, _) => match cut_short {
                Some(reason) => format!("cannot be told: {reason}"),
                None => format!("cannot be told: not all nodes could be asked {when}"),
            },
            (Outcome::Pass, When::After(..)) if moment.at == *from => format!("{yes} as soon as {name} ended"),
            (Outcome::Pass, When::After(..)) => format!("{yes} {since} after {name} ended"),
            (Outcome::Pass, When::During(_)) if moment.at == *from => format!("{yes} as soon as {name} began"),
            (Outcome::Pass, When::During(_)) => format!("{yes} {since} after {name} began"),
            (Outcome::Pass, When::Always) => format!("{yes} at every moment"),
            (Outcome::Pass, When::Never) => format!("{no} at every moment"),
            (Outcome::Pass, _) => format!("{yes} {when}"),
            (Outcome::Fail, When::After(..)) => format!("{no} at any moment in the {span} after {name} ended"),
            (Outcome::Fail, When::During(_)) => format!("{no} at any moment of {name}"),
            (Outcome::Fail, When::Within(_) | When::Sometimes) => format!("{no} at any moment of {span}"),
            (Outcome::Fail, When::Never) => format!("{yes} {when}"),
            (Outcome::Fail, _) => format!("{no} {when}"),
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

    /// The times over which something is counted. `whole` is from where `always`, `at` and `at_end` count.
    #[expect(clippy::result_large_err, reason = "made once for each expectation")]
    pub(crate) fn spans(&self, whole: u64) -> Result<Vec<Interval>, Judgement> {
        let unknown = |reason: String| Judgement::new(Outcome::Unknown, reason);
        match self.when {
            When::AtEnd | When::Always | When::Sometimes | When::Never => Ok(vec![Interval {
                from: whole,
                to: self.history.end.max(whole),
                cut_short: (!self.history.complete()).then(|| self.history.how_it_ended()),
                name: String::new(),
                evidence: Vec::new(),
            }]),
            When::At(_) => {
                let mut intervals = self.when.intervals(self.history).map_err(unknown)?;
                for interval in &mut intervals {
                    interval.from = whole.min(interval.to);
                }
                Ok(intervals)
            }
            _ => self.when.intervals(self.history).map_err(unknown),
        }
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
