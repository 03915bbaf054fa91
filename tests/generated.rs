//! Generated files are checked in and fresh. Refresh them with `SPLITBRAIN_REFRESH=1 cargo test --test generated`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use splitbrain::{check, cli, fault};

fn fresh(name: &str, want: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("SPLITBRAIN_REFRESH").is_some() {
        fs::write(&path, want).expect("the generated file can be written");
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == want,
        "{name} is stale; refresh it with `SPLITBRAIN_REFRESH=1 cargo test --test generated` and look at the change"
    );
}

#[test]
fn the_command_line_page_is_fresh() {
    // Help that ends in spaces differs between terminals' widths only: they are cut.
    let page: Vec<String> = cli::command_line_page().lines().map(|line| line.trim_end().to_owned()).collect();
    fresh("docs/cli.md", &(page.join("\n") + "\n"));
}

#[test]
fn the_page_of_faults_is_fresh() {
    let mut page = String::from("# Faults\n\nWhat can stand under `inject:`. Made from the code's own table.\n");
    for entry in fault::TABLE {
        write!(page, "\n## {}\n\n{}\n\n```yaml\n{}\n```\n", entry.keyword, entry.about, entry.example.trim_end())
            .expect("writing to a string");
    }
    fresh("docs/faults.md", &page);
}

#[test]
fn the_page_of_checks_is_fresh() {
    let mut page = String::from("# Checks\n\nWhat can stand under `that:`. Made from the code's own table.\n");
    for entry in check::TABLE {
        write!(page, "\n## {}\n\n{}\n\n```yaml\n{}\n```\n", entry.keyword, entry.about, entry.example.trim_end())
            .expect("writing to a string");
    }
    fresh("docs/checks.md", &page);
}
