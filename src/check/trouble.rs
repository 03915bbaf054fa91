//! Whatever did not pass and has to do with heads gets a diagnosis: the pattern, and the client's own line for it.

use super::agree::DEFAULT_DEPTH;
use super::agreement::{Question, over_time};
use super::diagnosis::{Diagnosis, Kind, diagnose, of_episodes};
use super::judge::{Case, Judgement};
use super::moments::Answer;
use super::{Outcome, Subject, That};

/// How many lines of logs stand among the facts.
const QUOTED: usize = 4;
/// How many more times of divergence are told.
const MORE_TOLD: usize = 3;

impl Case<'_, '_> {
    /// Adds the diagnosis to an answer that is not a pass: what is most useful comes first.
    pub(crate) fn explain_trouble(&self, that: &That, judgement: &mut Judgement) {
        let about_heads =
            matches!(that, That::Agree(_) | That::Progress(_) | That::Finality(_) | That::Recover(_) | That::Stall(_));
        let Some(zero) = self.history.zero.filter(|_| about_heads && judgement.outcome != Outcome::Pass) else {
            return;
        };
        // Of a run that was cut short, what was still to come is no trouble of the network.
        if judgement.outcome == Outcome::Unknown && !self.history.complete() && judgement.explanation.is_none() {
            return;
        }
        let at = judgement.moment.unwrap_or(self.history.end).min(self.history.end);
        let from = self.trouble_began(zero, at);
        if let Some(diagnosis) = diagnose(self.history, &self.nodes, from, at) {
            let quotes = diagnosis.quotes.iter().take(QUOTED).map(super::Quote::text);
            let mut facts: Vec<String> = quotes.collect();
            // Of a fork the explanation says first who holds what; every other trouble is said by its name first.
            let told = diagnosis.kind == Kind::Fork && judgement.explanation.is_some();
            let own_fact_first = told || matches!(that, That::Finality(_) | That::Recover(_));
            let place = usize::from(own_fact_first && !judgement.facts.is_empty());
            if told {
                judgement.facts.push(diagnosis.text.clone());
            } else {
                facts.insert(0, diagnosis.text.clone());
            }
            judgement.facts.splice(place..place, facts);
            judgement.evidence.extend(&diagnosis.evidence);
            judgement.evidence.extend(diagnosis.quotes.iter().map(|quote| quote.seq));
            judgement.diagnosis = Some(diagnosis);
        }
        self.tell_other_episodes(that, judgement);
        for finding in self.findings.iter().filter(|finding| finding.covers(at)) {
            judgement.facts.push(finding.text.clone());
            judgement.evidence.extend(&finding.evidence);
        }
    }

    /// The other times within the expectation's own in which these nodes were apart over other blocks.
    fn tell_other_episodes(&self, that: &That, judgement: &mut Judgement) {
        let (That::Agree(_), Ok(intervals)) = (that, self.when.intervals(self.history)) else { return };
        let mut told: Vec<Diagnosis> = judgement.diagnosis.iter().cloned().collect();
        let mut more = Vec::new();
        for interval in intervals {
            for (_, found) in of_episodes(self.history, &self.nodes, interval.from, interval.to) {
                if told.iter().any(|other| other.is_about_the_same(&found)) {
                    continue;
                }
                if let Some((from, to)) = found.apart {
                    let from = self.history.moment(from).trim_start_matches("at ").to_owned();
                    let to = to.map_or_else(String::new, |to| {
                        format!(" to {}", self.history.moment(to).trim_start_matches("at "))
                    });
                    more.push(format!("they were also apart from {from}{to}: {}", found.text));
                }
                judgement.evidence.extend(&found.evidence);
                told.push(found);
            }
        }
        let left_out = more.len().saturating_sub(MORE_TOLD);
        judgement.facts.extend(more.into_iter().take(MORE_TOLD));
        if left_out > 0 {
            judgement.facts.push(format!("and {left_out} more times"));
        }
    }

    /// Since when these nodes have not been of one mind; from the timeline's zero, if they never were.
    fn trouble_began(&self, zero: u64, at: u64) -> u64 {
        let agreed = over_time(self.history, &self.nodes, Subject::Head, Question::Agree(Some(DEFAULT_DEPTH)));
        let mut began = zero;
        let mut good = false;
        for moment in agreed.within(zero, at) {
            match moment.answer {
                Answer::Yes => good = true,
                _ if good => (good, began) = (false, moment.at),
                _ => {}
            }
        }
        // Nodes that agree are in no trouble of their own: the whole time counts.
        if good { zero } else { began }
    }
}
