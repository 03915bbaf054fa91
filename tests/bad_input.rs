//! Malformed files: each has its whole message as a snapshot. Review changes with `INSTA_UPDATE=always cargo test` and
//! `git diff`: these messages are what users see.

mod files;

use std::path::Path;

use files::TestLibrary;
use splitbrain::spec::{self, FileKind};
use splitbrain::text::{Severity, Sources};

fn validate(path: &Path) -> (FileKind, String, usize) {
    let text = std::fs::read_to_string(path).expect("a case is a text file");
    let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("below the package").display().to_string();
    let mut sources = Sources::new();
    let (kind, diagnostics) = spec::validate_file(&mut sources, &TestLibrary, &name, &text);
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count();
    (kind, sources.render_all(&diagnostics, false), errors)
}

#[test]
fn every_bad_file_is_refused_with_its_message() {
    insta::glob!("cases/bad/*.yaml", |path| {
        let (kind, message, errors) = validate(path);
        assert!(errors > 0, "{} is refused", path.display());
        let case = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/bad")).expect("a case");
        let name = case.display().to_string().replace(".yaml", "");
        insta::with_settings!({prepend_module_to_snapshot => false, snapshot_suffix => "", omit_expression => true}, {
            insta::assert_snapshot!(name, format!("{} file, {errors} error(s)\n\n{message}", kind.word()));
        });
    });
}

#[test]
fn every_message_has_a_place_and_no_empty_sentence() {
    insta::glob!("cases/bad/*.yaml", |path| {
        let text = std::fs::read_to_string(path).expect("a case is a text file");
        let mut sources = Sources::new();
        let (_, diagnostics) = spec::validate_file(&mut sources, &TestLibrary, &path.display().to_string(), &text);
        for diagnostic in &diagnostics {
            assert!(!diagnostic.message.is_empty(), "{}", path.display());
            assert!(!diagnostic.message.ends_with('.'), "{}: {}", path.display(), diagnostic.message);
            let place = diagnostic.labels.first().and_then(|label| sources.position(label.span));
            assert!(place.is_some(), "{}: `{}` has a place", path.display(), diagnostic.message);
        }
    });
}

#[test]
fn good_files_are_taken() {
    insta::glob!("cases/good/**/*.yaml", |path| {
        let (_, message, errors) = validate(path);
        assert!(errors == 0, "{}\n{message}", path.display());
    });
}

#[test]
fn there_are_at_least_forty_bad_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/bad");
    let found = std::fs::read_dir(folder).expect("the folder of cases").count();
    assert!(found >= 40, "{found} bad files");
}
