//! From a journal to a verdict and its files: what `run`, `check` and `report` share.

use super::exit::Exit;
use super::output::{self, Color};
use crate::check::{self, Conclusion, Verdict};
use crate::journal::{Journal, read_journal};
use crate::report;
use crate::results::RunFolder;

/// Reads a run's journal and judges it.
pub(super) fn judge(folder: &RunFolder) -> Result<(Journal, Verdict), Exit> {
    match read_journal(&folder.journal()) {
        Ok(journal) => {
            let verdict = check::judge(&journal);
            Ok((journal, verdict))
        }
        Err(error) => {
            output::error(&error, &output::causes(&error), Some("name a run's folder, for example results/latest"));
            Err(Exit::Input)
        }
    }
}

/// Writes `verdict.json`, `junit.xml` and `report.html`.
pub(super) fn write_reports(folder: &RunFolder, journal: &Journal, verdict: &Verdict) -> Result<(), Exit> {
    let logs = journal.run.nodes.iter().map(|node| format!("logs/{}.log", node.name));
    let logs = logs.filter(|log| folder.path().join(log).exists()).collect();
    let files = [
        ("verdict.json", report::verdict_json(journal, verdict)),
        ("junit.xml", report::junit(journal, verdict)),
        ("report.html", report::html(journal, verdict, &report::Extras { logs })),
    ];
    for (name, content) in files {
        if let Err(error) = folder.write(name, &content) {
            output::error(&error, &output::causes(&error), None);
            return Err(Exit::Environment);
        }
    }
    Ok(())
}

/// What a person reads at the end.
pub(super) fn terminal(journal: &Journal, verdict: &Verdict, color: Color) -> String {
    report::terminal(journal, verdict, report::Style { color: color.stdout() })
}

/// The exit of `run` and of `check`: what the run came to, and nothing else.
pub(super) fn exit_of(verdict: &Verdict) -> Exit {
    match verdict.conclusion {
        Conclusion::Passed => Exit::Passed,
        Conclusion::Failed => Exit::Failed,
        Conclusion::Unknown => Exit::Unknown,
        Conclusion::Interrupted => Exit::Interrupted,
        Conclusion::Broken => Exit::Environment,
    }
}
