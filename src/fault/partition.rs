//! `partition`: packets between groups of nodes vanish.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Effects;
use super::compile::{Compiled, FaultContext, cut_rule};
use super::inject::NotBuilt;
use crate::link::NodeSet;
use crate::text::{Diagnostic, Sp, Span};
use crate::topology::Targets;

/// Packets between groups of nodes vanish. Either `groups` or `shape` says what the groups are. Links among the members of
/// one participant stay whole unless one of the groups names a member (`west-0.execution`, `*.execution`); a shape never
/// tears a participant apart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// The sides, each a targets expression: `[west, east]`, `[[a, b], "c-*"]`. They may not overlap.
    #[serde(default)]
    pub groups: Option<Sp<Vec<Sp<Targets>>>>,
    /// Where nodes go that are in none of the groups. The default is `own`.
    #[serde(default)]
    pub rest: Option<Sp<Rest>>,
    /// Groups drawn from the seed instead of named ones.
    #[serde(default)]
    pub shape: Option<Sp<PartitionShape>>,
    /// Which way packets vanish. The default is `both`. One-way partitions need exactly two groups.
    #[serde(default)]
    pub direction: Option<Sp<Direction>>,
    /// Known word, not built yet.
    #[serde(default)]
    pub ports: Option<NotBuilt>,
}

/// Where nodes go that are in none of the groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// They form a group of their own.
    #[default]
    Own,
    /// They join the first group.
    First,
    /// They are not touched: they see everybody, so they may carry news from one side to the other.
    None,
}

/// Groups drawn from the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartitionShape {
    /// Two halves; with an odd number of nodes the second one has one more.
    Halves,
    /// One node, and all others.
    One,
    /// Two halves, and one node that sees both.
    Bridge,
    /// Every node sees a majority of all nodes (itself included), and no two see the same one. Needs four nodes or more.
    MajoritiesRing,
}

/// Which way packets vanish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    #[default]
    Both,
    /// Packets that leave the first group vanish; those that enter it arrive.
    OutOfFirst,
    /// Packets that enter the first group vanish; those that leave it arrive.
    IntoFirst,
}

impl Partition {
    pub(super) fn compile(&self, context: &FaultContext<'_>) -> Result<Compiled, Vec<Diagnostic>> {
        if let Some(ports) = &self.ports {
            return Err(vec![ports.refusal("ports", "without `ports` the fault hits all packets")]);
        }
        match (&self.groups, &self.shape) {
            (Some(groups), None) => self.by_groups(context, groups),
            (None, Some(shape)) => self.by_shape(context, shape),
            (Some(groups), Some(shape)) => Err(vec![
                Diagnostic::error("`partition` takes `groups` or `shape`, not both")
                    .at(shape.span, "draws the groups from the seed")
                    .at(groups.span, "names them"),
            ]),
            (None, None) => {
                let place = self.rest.as_ref().map(|sp| sp.span).or(self.direction.as_ref().map(|sp| sp.span));
                Err(vec![
                    Diagnostic::error("this `partition` does not say what its groups are")
                        .at(place.unwrap_or_default(), "")
                        .help("write `groups: [west, east]`, or `shape: halves` to draw them from the seed"),
                ])
            }
        }
    }

    fn by_groups(
        &self,
        context: &FaultContext<'_>,
        groups: &Sp<Vec<Sp<Targets>>>,
    ) -> Result<Compiled, Vec<Diagnostic>> {
        let chosen = context.choose_each("groups", groups)?;
        let as_members: NodeSet = chosen.iter().flat_map(|group| group.as_members.iter().copied()).collect();
        let mut sides: Vec<NodeSet> = chosen.into_iter().map(|group| group.nodes).collect();
        let mistakes = overlaps(context, groups, &sides);
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let named: NodeSet = sides.iter().flatten().copied().collect();
        let rest: NodeSet = context.everyone().difference(&named).copied().collect();
        match self.rest.as_ref().map(|rest| rest.value).unwrap_or_default() {
            Rest::Own if !rest.is_empty() => sides.push(rest),
            Rest::First => {
                if let Some(first) = sides.first_mut() {
                    first.extend(rest);
                }
            }
            Rest::Own | Rest::None => {}
        }
        if sides.len() < 2 {
            return Err(vec![
                Diagnostic::error("a partition needs two sides, and this one has fewer")
                    .at(groups.span, "all nodes are on one side")
                    .help("name a second group, or name fewer nodes: with `rest: own` all others are the other side"),
            ]);
        }
        self.finish(context, &sides, &as_members, groups.span)
    }

    fn by_shape(&self, context: &FaultContext<'_>, shape: &Sp<PartitionShape>) -> Result<Compiled, Vec<Diagnostic>> {
        if let Some(rest) = &self.rest {
            return Err(vec![
                Diagnostic::error("`rest` has no meaning with `shape`, which leaves no node out")
                    .at(rest.span, "remove it"),
            ]);
        }
        let order = context.shuffled("shape");
        let least = match shape.value {
            PartitionShape::Halves | PartitionShape::One => 2,
            PartitionShape::Bridge => 3,
            PartitionShape::MajoritiesRing => 4,
        };
        if order.len() < least {
            return Err(vec![
                Diagnostic::error(format!("this shape needs at least {least} nodes, and there are {}", order.len()))
                    .at(shape.span, "too few nodes (a participant counts as one)"),
            ]);
        }
        let split = |units: &[NodeSet], at: usize| -> Vec<NodeSet> { vec![joined(&units[..at]), joined(&units[at..])] };
        let finish = |sides: &[NodeSet]| self.finish(context, sides, &NodeSet::new(), shape.span);
        match shape.value {
            PartitionShape::Halves => finish(&split(&order, order.len() / 2)),
            PartitionShape::One => finish(&split(&order, 1)),
            PartitionShape::Bridge => {
                let mut compiled = finish(&split(&order[1..], (order.len() - 1) / 2))?;
                compiled.summary = format!("{}, {} sees both", compiled.summary, context.say_set(&order[0]));
                Ok(compiled)
            }
            PartitionShape::MajoritiesRing => {
                if let Some(direction) = &self.direction {
                    return Err(vec![one_way_needs_two(direction.span)]);
                }
                Ok(majorities_ring(context, &order))
            }
        }
    }

    /// Cuts the links between sides.
    fn finish(
        &self,
        context: &FaultContext<'_>,
        sides: &[NodeSet],
        as_members: &NodeSet,
        place: Span,
    ) -> Result<Compiled, Vec<Diagnostic>> {
        let direction = self.direction.as_ref().map(|direction| direction.value).unwrap_or_default();
        let said: Vec<String> = sides.iter().map(|side| context.say_set(side)).collect();
        let (links, between) = match (direction, sides) {
            (Direction::Both, sides) => {
                let rules = sides.iter().enumerate().map(|(position, side)| {
                    let others = sides.iter().enumerate().filter(|(other, _)| *other != position);
                    cut_rule(side.clone(), others.flat_map(|(_, other)| other.iter().copied()).collect())
                });
                (rules.collect(), " | ")
            }
            (Direction::OutOfFirst, [first, second]) => (vec![cut_rule(first.clone(), second.clone())], " ↛ "),
            (Direction::IntoFirst, [first, second]) => (vec![cut_rule(second.clone(), first.clone())], " ↚ "),
            (_, _) => {
                let place = self.direction.as_ref().map_or(place, |direction| direction.span);
                return Err(vec![one_way_needs_two(place)]);
            }
        };
        let links = context.topology.sparing_mates(links, as_members);
        if links.is_empty() {
            return Err(vec![
                Diagnostic::error("this partition cuts nothing: all its nodes are members of one participant")
                    .at(place, "the links among them are left alone")
                    .help("name a member to hit its links to its mates: `west-0.execution`"),
            ]);
        }
        Ok(Compiled {
            effects: Effects { links, ..Effects::default() },
            summary: format!("partition {}", said.join(between)),
            targets: context.names(&sides.iter().flatten().copied().collect()),
        })
    }
}

fn one_way_needs_two(place: Span) -> Diagnostic {
    Diagnostic::error("a one-way partition needs exactly two groups")
        .at(place, "one way of which?")
        .help("name two groups that hold all nodes, use `rest: first` or `rest: none`, or write several `cut` entries")
}

fn joined(units: &[NodeSet]) -> NodeSet {
    units.iter().flatten().copied().collect()
}

/// Nodes that are in two groups.
fn overlaps(context: &FaultContext<'_>, groups: &[Sp<Targets>], sides: &[NodeSet]) -> Vec<Diagnostic> {
    let mut mistakes = Vec::new();
    for (position, (group, side)) in groups.iter().zip(sides).enumerate() {
        for (earlier, theirs) in groups.iter().zip(sides).take(position) {
            let both: NodeSet = side.intersection(theirs).copied().collect();
            if !both.is_empty() {
                let said = context.say_set(&both);
                mistakes.push(
                    Diagnostic::error(format!("groups of a partition overlap: {said} would be on both sides"))
                        .at(group.span, "named here")
                        .at(earlier.span, "and here")
                        .help("name every node in one group only"),
                );
            }
        }
    }
    mistakes
}

/// Nodes stand on a ring; each sees those that are at most half a majority away, so that everybody sees a majority and
/// no two see the same one (after Jepsen's `majorities-ring`).
fn majorities_ring(context: &FaultContext<'_>, order: &[NodeSet]) -> Compiled {
    let count = order.len();
    let reach = (count / 2).div_ceil(2);
    let links = (0..count).map(|position| {
        let far = (0..count).filter(|other| {
            let distance = position.abs_diff(*other);
            distance.min(count - distance) > reach
        });
        cut_rule(order[position].clone(), far.flat_map(|other| order[other].iter().copied()).collect())
    });
    Compiled {
        effects: Effects { links: links.collect(), ..Effects::default() },
        summary: "partition into a ring of overlapping majorities".to_owned(),
        targets: context.names(&context.everyone()),
    }
}
