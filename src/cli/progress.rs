//! Shows a run's progress on stderr: one moving line on a terminal, a line per event elsewhere.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::journal::shown::printable;
use crate::run::Progress;

use super::output;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Volume {
    /// Errors and the result only.
    Quiet,
    /// Stages, faults, troubles.
    Normal,
    /// Also a line a second.
    Verbose,
}

/// Shows progress. Cheap to clone.
#[derive(Clone)]
pub(super) struct ProgressLine {
    bar: ProgressBar,
    volume: Volume,
    duration: Arc<Mutex<Duration>>,
}

impl ProgressLine {
    /// No bar when stderr is no terminal.
    pub(super) fn new(volume: Volume) -> Self {
        let terminal = std::io::stderr().is_terminal() && volume > Volume::Quiet;
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("a template without mistakes"));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar, volume, duration: Arc::default() }
    }

    /// What a run calls.
    pub(super) fn callback(&self) -> Arc<dyn Fn(Progress) + Send + Sync> {
        let line = self.clone();
        Arc::new(move |progress| line.show(progress))
    }

    /// A line that stays.
    pub(super) fn keep(&self, text: impl std::fmt::Display) {
        if self.volume > Volume::Quiet {
            self.bar.suspend(|| output::say(&text));
        }
    }

    /// A line that moves.
    pub(super) fn moving(&self, text: impl Into<String>) {
        let text = text.into();
        if self.bar.is_hidden() && self.volume == Volume::Verbose {
            output::say(&text);
        }
        self.bar.set_message(printable(&text).into_owned());
    }

    /// Takes the moving line away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn show(&self, progress: Progress) {
        match progress {
            Progress::Note(text) => self.keep(format!("  {text}")),
            Progress::Starting { started, ready, total } => {
                self.moving(format!("starting nodes: {started} of {total} run, {ready} ready"));
                if ready == total {
                    self.keep(format!("  {total} nodes are ready"));
                }
            }
            Progress::TimelineStarted { duration } => {
                *self.duration.lock().expect("never poisoned: nothing under it panics") = duration;
                self.keep(format!("  timeline starts; it takes {}", seconds(duration)));
            }
            Progress::Tick { at, next, heads } => {
                let duration = *self.duration.lock().expect("never poisoned: nothing under it panics");
                let mut text = format!("{} of {}", seconds(at), seconds(duration));
                if heads.nodes > 0 {
                    let heads_word = if heads.different == 1 { "head" } else { "heads" };
                    text += &format!(
                        " · height {} · {} {heads_word} on {} nodes",
                        heads.highest, heads.different, heads.nodes
                    );
                }
                if let Some((what, due)) = next {
                    text += &format!(" · next: {what} in {}", seconds(due.saturating_sub(at)));
                }
                self.moving(text);
            }
            Progress::Fault { line, late } => {
                self.keep(format!("  {line} (off by {:.1} ms)", late.as_secs_f64() * 1000.0));
            }
            Progress::Trouble(text) => self.keep(format!("  ! {text}")),
            Progress::TearingDown => self.moving("taking everything down"),
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}
