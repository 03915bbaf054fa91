//! `shape`: links get slow, lossy or narrow for a while.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Effects;
use super::compile::{Compiled, FaultContext};
use super::inject::NotBuilt;
use super::pairs::{Pairs, WrittenPairs};
use crate::link::LinkParameters;
use crate::text::units::{Rate, Share, Time};
use crate::text::{Diagnostic, Sp};
use crate::topology::Targets;

/// Adds to the quality that links have anyway: delays add up, losses are independent, the slower rate counts.
/// Give either `links` or `targets`, and at least one of `latency`, `jitter`, `loss`, `rate`. Links among the members of one
/// participant stay as they are unless a member is named (`west-0.execution`).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// The links, each one way or both ways.
    #[serde(default)]
    pub links: Option<Sp<Vec<Sp<ShapedLinks>>>>,
    /// All links of these nodes, in both directions.
    #[serde(default)]
    pub targets: Option<Sp<Targets>>,
    /// Further one-way delay.
    #[serde(default)]
    pub latency: Option<Sp<Time>>,
    /// Each packet is delayed by a further uniform share of this; packets do not overtake each other.
    #[serde(default)]
    pub jitter: Option<Sp<Time>>,
    /// Chance of a packet to be lost.
    #[serde(default)]
    pub loss: Option<Sp<Share>>,
    /// Most bits a second.
    #[serde(default)]
    pub rate: Option<Sp<Rate>>,
    /// Known word, not built yet.
    #[serde(default)]
    pub burst_loss: Option<NotBuilt>,
    /// Known word, not built yet.
    #[serde(default)]
    pub duplicate: Option<NotBuilt>,
    /// Known word, not built yet.
    #[serde(default)]
    pub reorder: Option<NotBuilt>,
    /// Known word, not built yet.
    #[serde(default)]
    pub corrupt: Option<NotBuilt>,
    /// Known word, not built yet.
    #[serde(default)]
    pub ports: Option<NotBuilt>,
}

/// Some links: `{from: a, to: b}` one way, `{between: [a, b]}` both ways.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShapedLinks {
    /// Senders.
    #[serde(default)]
    pub from: Option<Sp<Targets>>,
    /// Receivers.
    #[serde(default)]
    pub to: Option<Sp<Targets>>,
    /// Two ends (or more): all links from one to another, both ways.
    #[serde(default)]
    pub between: Option<Sp<Vec<Sp<Targets>>>>,
}

impl Shape {
    pub(super) fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        let later = [
            ("burst_loss", &self.burst_loss),
            ("duplicate", &self.duplicate),
            ("reorder", &self.reorder),
            ("corrupt", &self.corrupt),
        ];
        for (word, place) in later {
            mistakes
                .extend(place.as_ref().map(|place| place.refusal(word, "`latency`, `jitter`, `loss` and `rate` work")));
        }
        mistakes.extend(
            self.ports.as_ref().map(|place| place.refusal("ports", "without `ports` the fault hits all packets")),
        );
        let links = self.pairs(context).map_err(|more| mistakes.extend(more)).ok();
        let parameters = self.parameters();
        if parameters == LinkParameters::default() && mistakes.is_empty() {
            let place = self.targets.as_ref().map(|sp| sp.span).or(self.links.as_ref().map(|sp| sp.span));
            mistakes.push(
                Diagnostic::error("this `shape` changes nothing")
                    .at(place.unwrap_or_default(), "these links stay as they are")
                    .help("give at least one of `latency`, `jitter`, `loss`, `rate`"),
            );
        }
        match links {
            Some((pairs, said)) if mistakes.is_empty() => Ok(Compiled {
                effects: Effects { links: pairs.rules(parameters), ..Effects::default() },
                summary: format!("shape {said}: {}", say_parameters(&parameters)),
                targets: context.names(&pairs.ends()),
            }),
            _ => Err(mistakes),
        }
    }

    fn pairs(&self, context: &FaultContext<'_>) -> Result<(Pairs, String), Vec<Diagnostic>> {
        match (&self.links, &self.targets) {
            (Some(links), None) => {
                let mut pairs = Pairs::default();
                let mut said = Vec::new();
                let mut mistakes = Vec::new();
                for (position, link) in links.iter().enumerate() {
                    let written = WrittenPairs {
                        from: link.from.as_ref(),
                        to: link.to.as_ref(),
                        between: link.between.as_ref(),
                        place: Some(link.span),
                    };
                    match written.resolve(context, &format!("links/{position}")) {
                        Ok((more, words)) => {
                            pairs.merge(more);
                            said.push(words);
                        }
                        Err(more) => mistakes.extend(more),
                    }
                }
                if links.is_empty() {
                    mistakes.push(
                        Diagnostic::error("an empty list of links").at(links.span, "names no link").help(WHICH_LINKS),
                    );
                }
                if mistakes.is_empty() { Ok((pairs, said.join(", "))) } else { Err(mistakes) }
            }
            (None, Some(written)) => {
                let chosen = context.choose("targets", written).map_err(|mistake| vec![mistake])?;
                let everyone = context.everyone();
                let mut pairs = Pairs::default();
                pairs.add(&chosen.nodes, &everyone);
                pairs.add(&everyone, &chosen.nodes);
                pairs.spare_mates(context, &chosen.as_members);
                if pairs.is_empty() {
                    return Err(vec![
                        Diagnostic::error("a single node or participant has no links to others")
                            .at(written.span, "the only one there is"),
                    ]);
                }
                Ok((pairs, context.say_set(&chosen.nodes)))
            }
            (Some(links), Some(targets)) => Err(vec![
                Diagnostic::error("`shape` takes `links` or `targets`, not both")
                    .at(targets.span, "all links of these nodes")
                    .at(links.span, "these links alone")
                    .help(WHICH_LINKS),
            ]),
            (None, None) => {
                let place = [
                    self.latency.as_ref().map(|sp| sp.span),
                    self.jitter.as_ref().map(|sp| sp.span),
                    self.loss.as_ref().map(|sp| sp.span),
                    self.rate.as_ref().map(|sp| sp.span),
                ];
                let place = place.into_iter().flatten().next().unwrap_or_default();
                Err(vec![
                    Diagnostic::error("this `shape` names no links").at(place, "of which links?").help(WHICH_LINKS),
                ])
            }
        }
    }

    fn parameters(&self) -> LinkParameters {
        LinkParameters {
            cut: false,
            latency: self.latency.as_ref().map_or(Duration::ZERO, |time| time.value.0),
            jitter: self.jitter.as_ref().map_or(Duration::ZERO, |time| time.value.0),
            loss: self.loss.as_ref().map_or(0.0, |share| share.value.0),
            rate: self.rate.as_ref().map(|rate| rate.value.0),
        }
    }
}

const WHICH_LINKS: &str = "`targets: west` are all links of these nodes; `links: [{from: a, to: b}]` is one way, `links: [{between: [a, b]}]` both ways";

fn say_parameters(parameters: &LinkParameters) -> String {
    let mut words = Vec::new();
    if !parameters.latency.is_zero() {
        words.push(format!("latency {:?}", parameters.latency));
    }
    if !parameters.jitter.is_zero() {
        words.push(format!("jitter {:?}", parameters.jitter));
    }
    if parameters.loss > 0.0 {
        words.push(format!("loss {}%", parameters.loss * 100.0));
    }
    if let Some(rate) = parameters.rate {
        words.push(format!("rate {} kbit", rate / 1000));
    }
    words.join(", ")
}
