//! The command line's reference page, made from the same definitions as `--help`.

use clap::CommandFactory;

use super::CommandLine;

/// `docs/cli.md`.
pub fn command_line_page() -> String {
    let mut command = CommandLine::command().term_width(100);
    command.build();
    let mut page = String::from(
        "# Command line\n\nMade from the program's own help by `SPLITBRAIN_REFRESH=1 cargo test --test generated`.\n\n\
         | exit code | meaning |\n| --- | --- |\n| 0 | passed |\n| 1 | an expectation failed |\n\
         | 2 | the input is wrong; nothing was started |\n| 3 | the environment could not do it |\n\
         | 4 | unknown: something that was expected could not be observed, or what was to be done was not done |\n| 130 | interrupted; judged and torn down before |\n\n\
         `check` exits as the run did.\n",
    );
    describe(&mut command, &mut page);
    page
}

fn describe(command: &mut clap::Command, page: &mut String) {
    if command.is_hide_set() {
        return;
    }
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    page.push_str(&format!("\n## {name}\n\n```text\n{}```\n", command.render_long_help()));
    for child in command.get_subcommands_mut() {
        if child.get_name() != "help" {
            describe(child, page);
        }
    }
}
