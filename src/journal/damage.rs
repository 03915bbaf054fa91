//! What is not as a writer leaves it: a journal is numbered from 0 without gaps, and its time never goes back.

use super::Event;

/// So many places are told; for more a number is enough.
const MOST_TOLD: usize = 5;

/// Puts lines into the order of their numbers, because readers rely on it, and tells what was wrong with them.
pub(super) fn set_right(events: &mut [Event]) -> Vec<String> {
    let mut damage = Vec::new();
    if let Some(pair) = events.windows(2).find(|pair| pair[1].seq <= pair[0].seq) {
        let (before, after) = (pair[0].seq, pair[1].seq);
        damage.push(format!("lines are not in order: the one with seq {after} stands after the one with seq {before}"));
    }
    events.sort_by_key(|event| event.seq);
    match events.first().map(|event| event.seq) {
        None | Some(0) => {}
        Some(first) => damage.push(missing(0, first - 1)),
    }
    for pair in events.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        if after.seq == before.seq {
            damage.push(format!("the line with seq {} stands there twice", after.seq));
        } else if after.seq - before.seq > 1 {
            damage.push(missing(before.seq + 1, after.seq - 1));
        }
        if after.at < before.at {
            damage.push(format!("the line with seq {} is of an earlier time than the one before it", after.seq));
        }
    }
    let more = damage.len().saturating_sub(MOST_TOLD);
    if more > 0 {
        damage.truncate(MOST_TOLD);
        let word =
            if more == 1 { "1 more place like these".to_owned() } else { format!("{more} more places like these") };
        damage.push(format!("and {word}"));
    }
    damage
}

fn missing(first: u64, last: u64) -> String {
    if first == last {
        format!("the line with seq {first} is missing")
    } else {
        format!("lines with seq {first} to {last} are missing")
    }
}
