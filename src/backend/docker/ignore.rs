//! What a `.dockerignore` keeps out of a build context, by the rules of the `docker` command (moby/patternmatcher and
//! docker's reference of the file). Pure.

use regex::Regex;

/// The patterns of a file. Without any, nothing is ignored.
#[derive(Clone, Debug, Default)]
pub(super) struct Ignored {
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    matches: Regex,
    /// Whether it lets through instead (`!`).
    exception: bool,
}

impl Ignored {
    /// Reads the file's text. An error is a sentence about the pattern that cannot be understood.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut patterns = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (exception, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let pattern = clean(pattern);
            if pattern.is_empty() {
                continue;
            }
            let matches = Regex::new(&expression(&pattern))
                .map_err(|_| format!("the pattern `{line}` of .dockerignore cannot be understood"))?;
            patterns.push(Pattern { matches, exception });
        }
        Ok(Self { patterns })
    }

    /// Whether the path is ignored: the last pattern that fits it, or a folder that it lies in, decides.
    pub(super) fn holds(&self, path: &str) -> bool {
        let mut ignored = false;
        for pattern in &self.patterns {
            let parents = path.match_indices('/').map(|(end, _)| &path[..end]);
            if parents.chain([path]).any(|part| pattern.matches.is_match(part)) {
                ignored = !pattern.exception;
            }
        }
        ignored
    }

    /// Whether some pattern lets through what another one ignores.
    pub(super) fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.exception)
    }
}

/// The path without its empty and single-dot parts, and without what leads out of it again; without the first slash.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A pattern as a regular expression for whole paths.
fn expression(pattern: &str) -> String {
    let mut text = String::from("^");
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' if letters.next_if_eq(&'*').is_some() => {
                letters.next_if_eq(&'/');
                text.push_str(if letters.peek().is_none() { ".*" } else { "(?:.*/)?" });
            }
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' => {
                text.push('[');
                for inside in letters.by_ref() {
                    text.push(inside);
                    if inside == ']' {
                        break;
                    }
                }
            }
            '\\' => text.push_str(&regex::escape(&letters.next().unwrap_or('\\').to_string())),
            other => text.push_str(&regex::escape(&other.to_string())),
        }
    }
    text.push('$');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_to_docker() {
        let cases = [
            ("*/temp*", "one/temporary.txt", true),
            ("*/temp*", "temporary.txt", false),
            ("*/*/temp*", "one/two/temporary.txt", true),
            ("temp?", "tempa", true),
            ("temp?", "temp/a", false),
            ("**/*.go", "main.go", true),
            ("**/*.go", "a/b/main.go", true),
            ("*.go", "a/main.go", false),
            ("/target", "target/debug/x", true),
            ("./target/", "target", true),
            ("a/**", "a/b/c", true),
            ("a/**", "ab", false),
            ("[a-c].txt", "b.txt", true),
            ("[^a-c].txt", "b.txt", false),
            ("a+b", "a+b", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("# no", "# no", false),
            ("*", "anything/at/all", true),
            ("*\n!keep", "keep/me", false),
            ("!keep\n*", "keep", true),
        ];
        for (text, path, ignored) in cases {
            assert_eq!(Ignored::parse(text).unwrap().holds(path), ignored, "{text:?} {path}");
        }
        assert!(!Ignored::parse("").unwrap().holds("a"));
        let error = Ignored::parse("a\n[z-a]\n").unwrap_err();
        assert_eq!(error, "the pattern `[z-a]` of .dockerignore cannot be understood");
    }
}
