//! A node's changes to its client's command line.

use crate::text::{Diagnostic, suggest};
use crate::topology::Node;

/// Applies `args: {set, remove}` to a command whose first word is the program. What is to be changed must be there: a
/// change that hits nothing is a typing mistake.
pub(super) fn change(command: &mut Vec<String>, node: &Node) -> Result<(), Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    for word in &node.args.remove {
        if !remove(command, word) {
            let mistake = Diagnostic::error(format!("`{}` is not on the command line of {}", word.value, node.name));
            mistakes.push(with_flags(mistake.at(word.span, "nothing to remove"), command, word));
        }
    }
    for (flag, value) in &node.args.set {
        if !set(command, flag, value) {
            let mistake = Diagnostic::error(format!("`{flag}` is not on the command line of {}", node.name));
            let mistake = mistake.at(node.place, "sets an argument of this node");
            mistakes
                .push(with_flags(mistake, command, flag).help("to append a flag, write it under `args: {add: […]}`"));
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

/// What makes a node's command line different from its siblings', for explanations.
pub(super) fn extra(node: &Node, added: &[String]) -> Vec<String> {
    let set = node.args.set.iter().map(|(flag, value)| format!("{flag}={value}"));
    let removed = node.args.remove.iter().map(|word| format!("(without {})", word.value));
    added.iter().cloned().chain(set).chain(removed).collect()
}

fn with_flags(mut mistake: Diagnostic, command: &[String], word: &str) -> Diagnostic {
    let flags = command.iter().skip(1).filter(|word| word.starts_with('-'));
    let flags: Vec<&str> = flags.map(|flag| flag.split_once('=').map_or(flag.as_str(), |(name, _)| name)).collect();
    mistake
        .help
        .extend(suggest::did_you_mean(word, flags.iter().copied()).map(|near| format!("did you mean `{near}`?")));
    mistake
}

/// Where a flag stands, as `--flag` or `--flag=value`.
fn find(command: &[String], flag: &str) -> Option<(usize, bool)> {
    command.iter().enumerate().skip(1).find_map(|(position, word)| {
        if word == flag {
            return Some((position, false));
        }
        word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=')).then_some((position, true))
    })
}

fn set(command: &mut Vec<String>, flag: &str, value: &str) -> bool {
    match find(command, flag) {
        Some((position, true)) => command[position] = format!("{flag}={value}"),
        Some((position, false)) if command.get(position + 1).is_some_and(|next| !next.starts_with('-')) => {
            value.clone_into(&mut command[position + 1]);
        }
        Some((position, false)) => command.insert(position + 1, value.to_owned()),
        None => return false,
    }
    true
}

fn remove(command: &mut Vec<String>, word: &str) -> bool {
    let Some((position, joined)) = find(command, word) else { return false };
    command.remove(position);
    let has_value =
        !joined && word.starts_with('-') && command.get(position).is_some_and(|next| !next.starts_with('-'));
    if has_value {
        command.remove(position);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn flags_are_replaced_in_the_form_they_have() {
        let mut command = words("geth --port 1 --mine --gas=2");
        assert!(set(&mut command, "--port", "9") && set(&mut command, "--gas", "8"));
        assert_eq!(command, words("geth --port 9 --mine --gas=8"));
        assert!(!set(&mut command, "--prt", "9"));
        assert!(!set(&mut command, "geth", "9"), "the program is no flag");
    }

    #[test]
    fn flags_are_removed_with_their_values() {
        let mut command = words("geth --port 1 --mine --gas=2 word");
        assert!(remove(&mut command, "--port") && remove(&mut command, "--gas"));
        assert_eq!(command, words("geth --mine word"));
        assert!(remove(&mut command, "word") && !remove(&mut command, "word"));
    }
}
