//! "Did you mean": the nearest of a list of words.

/// The candidate that the word was perhaps meant to be, if one is near enough.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = normal(word);
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let found = normal(candidate);
        // Edit distance catches typing mistakes, the prefix rule catches words that were cut short.
        let length = wanted.chars().count().max(found.chars().count());
        if length == 0 {
            continue;
        }
        let distance = strsim::damerau_levenshtein(&wanted, &found);
        let allowed = match length {
            0..=2 => 1,
            3..=5 => 2,
            _ => length.div_ceil(3),
        };
        let cut_short =
            wanted.len() >= 3 && (found.starts_with(&wanted) || wanted.starts_with(&found) && found.len() >= 3);
        let score = if distance <= allowed && distance < length {
            // Among equally near words the one with the same letters wins: `eu-su` is `eu-us`.
            let same_letters = sorted(&wanted) == sorted(&found);
            1.0 - distance as f64 / length as f64 + if same_letters { 0.01 } else { 0.0 }
        } else if cut_short {
            0.4
        } else {
            continue;
        };
        if best.is_none_or(|(known, _)| score > known) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn sorted(word: &str) -> Vec<char> {
    let mut letters: Vec<char> = word.chars().collect();
    letters.sort_unstable();
    letters
}

/// Case and the choice between `-` and `_` are no difference.
fn normal(word: &str) -> String {
    word.chars().take(80).flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Help lines for an unknown word: the nearest candidate, else all of them if they are few.
pub fn help<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>, what: &str) -> Vec<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(near) = did_you_mean(word, candidates.iter().copied()) {
        return vec![format!("did you mean `{near}`?")];
    }
    match candidates.len() {
        0 => Vec::new(),
        1..=24 => vec![format!("the {what} here are {}", list(&candidates))],
        more => vec![format!("the {what} here are {} and {} more", list(&candidates[..20]), more - 20)],
    }
}

/// `` `a`, `b` and `c` ``.
pub fn list<T: AsRef<str>>(words: &[T]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.as_slice() {
        [] => "none".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let words = ["partition", "isolate", "kill", "restart", "min_degree"];
        assert_eq!(did_you_mean("partion", words), Some("partition"));
        assert_eq!(did_you_mean("Kil", words), Some("kill"));
        assert_eq!(did_you_mean("min-degree", words), Some("min_degree"));
        assert_eq!(did_you_mean("part", words), Some("partition"));
        assert_eq!(did_you_mean("eu-su", ["eu-eu", "eu-us"]), Some("eu-us"));
        assert_eq!(did_you_mean("banana", words), None);
        assert_eq!(did_you_mean("", words), None);
    }
}
