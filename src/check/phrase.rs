//! Expectations as a person would say them, and which words go together.

use std::time::Duration;

use super::finality::Checkpoint;
use super::{That, When};

/// A duration as people write it: `1.5s`, `250ms`, `2m`, `2m30s`.
pub fn duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    let (unit, name) = match micros {
        0 => return "0s".to_owned(),
        1..1_000 => (1, "us"),
        1_000..1_000_000 => (1_000, "ms"),
        1_000_000..60_000_000 => (1_000_000, "s"),
        _ => {
            let (minutes, rest) = (micros / 60_000_000, micros % 60_000_000);
            let rest = if rest == 0 { String::new() } else { self::duration(Duration::from_micros(rest as u64)) };
            return format!("{minutes}m{rest}");
        }
    };
    let text = format!("{}.{:03}", micros / unit, micros % unit * 1_000 / unit);
    format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn times(amount: u64, thing: &str) -> String {
    if amount == 1 { format!("1 {thing}") } else { format!("{amount} {thing}s") }
}

impl That {
    /// As a person would say it: `agree on head`.
    pub fn phrase(&self) -> String {
        match self {
            Self::Ready(ready) => {
                ready.within.map_or_else(|| "ready".to_owned(), |within| format!("ready within {}", duration(within)))
            }
            Self::Agree(agree) => match agree.depth {
                Some(depth) if agree.on != super::Subject::Head || depth != super::agree::DEFAULT_DEPTH => {
                    format!("agree on {} (depth {depth})", agree.on)
                }
                _ => format!("agree on {}", agree.on),
            },
            Self::Diverge(diverge) => format!("diverge on {}", diverge.on),
            Self::Progress(progress) => {
                let per = progress.per.map(|per| format!(" per {}", duration(per))).unwrap_or_default();
                format!("progress by {}{per}", times(progress.blocks, "block"))
            }
            Self::Stall(stall) => format!("stall on {}", stall.on),
            Self::Finality(finality) => match finality.on {
                Checkpoint::Finalized => format!("finality at most {} behind", finality.lag),
                Checkpoint::Justified => format!("justification at most {} behind", finality.lag),
            },
            Self::Recover(recover) => format!("recover within {}", duration(recover.within)),
            Self::Peers(peers) => match peers.max {
                None => format!("at least {}", times(peers.min, "peer")),
                Some(max) if peers.min == 0 => format!("at most {}", times(max, "peer")),
                Some(max) if max == peers.min => format!("exactly {}", times(max, "peer")),
                Some(max) => format!("{} to {max} peers", peers.min),
            },
            Self::Reorg(reorg) => match reorg.max_depth {
                0 => "no reorg".to_owned(),
                depth => format!("no reorg deeper than {depth}"),
            },
            Self::Log(log) => {
                let pattern =
                    if log.pattern == super::log::PANIC { log.pattern.clone() } else { format!("/{}/", log.pattern) };
                match (log.min, log.max) {
                    (0, Some(0)) => format!("no {pattern} in the logs"),
                    (1, None) => format!("{pattern} in the logs"),
                    (min, Some(max)) if min == max => format!("{pattern} exactly {} in the logs", times(min, "time")),
                    (min, None) => format!("{pattern} at least {} in the logs", times(min, "time")),
                    (0, Some(max)) => format!("{pattern} at most {} in the logs", times(max, "time")),
                    (min, Some(max)) => format!("{pattern} {min} to {max} times in the logs"),
                }
            }
            Self::Exit(_) => "no process dies on its own".to_owned(),
            Self::RpcEqual(rpc) => format!("the same answer to {}", rpc.method),
            Self::Answered(answered) => format!("{} {}", answered.entry, answered.what()),
            Self::Diagnosis(diagnosed) => diagnosed.phrase(),
        }
    }

    /// Whether this check can be asked at such a time. The error is a sentence for the user, with a remedy.
    pub fn goes_with(&self, when: &When) -> Result<(), (String, String)> {
        let word = self.keyword();
        let refuse = |message: &str, remedy: &str| Err((format!("`{word}` {message}"), remedy.to_owned()));
        match (self, when) {
            (Self::Ready(_), When::During(_) | When::After(..) | When::Never | When::Sometimes) => {
                refuse("is asked of the start of nodes", "write `- ready: {within: 60s}`")
            }
            (Self::Recover(_), When::After(..) | When::Always | When::AtEnd) => Ok(()),
            (Self::Recover(_), _) => refuse(
                "speaks of the time after a fault",
                "use `after: ENTRY` for one entry of the timeline, or `always: true` for all of them",
            ),
            (Self::Progress(progress), When::Never | When::Sometimes) if progress.per.is_none() => {
                refuse("without `per` counts over the whole timeline", "use `at_end: true`, or add `per:`")
            }
            (Self::Stall(_), When::Never) => refuse("never is growth", "use `progress`, which says how fast"),
            (Self::Stall(_), When::Sometimes | When::At(_)) => {
                refuse("needs a span of time", "use `during:`, `after:` or `always:`")
            }
            (Self::Reorg(_) | Self::Log(_) | Self::Exit(_), When::Never | When::Sometimes) => refuse(
                "already says how often",
                "use `always: true`; for logs `none:`, `some:` or `pattern:` with a number",
            ),
            (Self::Answered(_), When::Always | When::AtEnd) => Ok(()),
            (Self::Answered(_), _) => {
                refuse("is asked of all calls of an entry, whenever they were made", "use `at_end: true`")
            }
            (Self::Diagnosis(_), When::Never | When::Sometimes | When::Within(_)) => refuse(
                "is made over a span of time",
                "use `at_end: true`, `during: ENTRY` or `after: ENTRY`; that nothing is the matter is `kind: none`",
            ),
            _ => Ok(()),
        }
    }
}

impl When {
    /// As a person would say it: `after split, within 45s`.
    pub fn phrase(&self) -> String {
        match self {
            Self::Always => "always".to_owned(),
            Self::Never => "never".to_owned(),
            Self::Sometimes => "sometimes".to_owned(),
            Self::During(entry) => format!("during {entry}"),
            Self::After(entry, within) => format!("after {entry}, within {}", duration(*within)),
            Self::Within(within) => format!("within {}", duration(*within)),
            Self::At(at) => format!("at {}", duration(*at)),
            Self::AtEnd => "at the end".to_owned(),
        }
    }
}

/// The label of an expectation: `after split, within 45s: agree on head`. `nodes` is how the targets were written, if any.
pub fn label(when: &When, that: &That, nodes: Option<&str>) -> String {
    let nodes = nodes.map(|nodes| format!(" ({nodes})")).unwrap_or_default();
    match (when, that) {
        (When::Within(within), That::Ready(ready)) if ready.within.is_none() => {
            format!("ready within {}{nodes}", duration(*within))
        }
        (_, That::Ready(_)) => format!("{}{nodes}", that.phrase()),
        _ => format!("{}: {}{nodes}", when.phrase(), that.phrase()),
    }
}
