//! A deliberately naive second judge, written from `docs/verdicts.md` alone, and thousands of made-up journals: both judges
//! must say the same of each, and any difference fails. `SPLITBRAIN_JOURNALS` asks for more of them, `SPLITBRAIN_FROM` for those
//! from a seed on, `SPLITBRAIN_SEED` for some, and `SPLITBRAIN_TOLD` says how many kinds of differences are told.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests fail by panicking")]

mod counts;
mod facts;
mod generator;
mod judge;
mod plan;
mod questions;
mod random;
mod rounds;
mod shrink;
mod sight;

use std::collections::BTreeMap;

use splitbrain::check::Outcome;
use splitbrain::journal::Journal;

use generator::generate;
use judge::{Ruling, judge, that};

/// How many journals are made if nobody asks for more.
const JOURNALS: u64 = 10_000;
/// How many kinds of mismatches are told with a journal.
const TOLD: u64 = 5;
/// Why a judge said nothing at all.
const PANICKED: &str = "the real judge panicked";

fn ruling(outcome: Outcome) -> Ruling {
    match outcome {
        Outcome::Pass => Ruling::Pass,
        Outcome::Unknown => Ruling::Unknown,
        Outcome::Fail => Ruling::Fail,
    }
}

fn expectations(journal: &Journal) -> usize {
    journal.run.expectations.as_array().map_or(0, Vec::len)
}

/// What the real judge says, and why.
fn real(journal: &Journal) -> (Vec<(Ruling, String)>, Ruling) {
    // A judge that panics is told as one that says something else, with the journal.
    let Ok(verdict) = std::panic::catch_unwind(|| splitbrain::check::judge(journal)) else {
        return (vec![(Ruling::Fail, PANICKED.to_owned()); expectations(journal)], Ruling::Fail);
    };
    let results = verdict.results.iter().map(|result| (ruling(result.outcome), result.summary.clone())).collect();
    (results, ruling(verdict.outcome))
}

/// `agree on finalized, after a send`: what is counted together.
fn cell(journal: &Journal, index: usize) -> String {
    let expectation = &journal.run.expectations[index];
    let (check, parameters) = that(expectation);
    let when = expectation["when"].as_str().map(str::to_owned).or_else(|| {
        let key = expectation["when"].as_object()?.keys().next()?.clone();
        Some(key)
    });
    let on = match &parameters["on"] {
        serde_json::Value::String(on) if on != "head" => format!(" {on}"),
        serde_json::Value::Object(_) => " height".to_owned(),
        _ => String::new(),
    };
    format!("{check}{on} {}", when.unwrap_or_default())
}

/// How often each ruling was given.
type Shares = BTreeMap<String, [u64; 3]>;

#[derive(Default)]
struct Found {
    shares: Shares,
    expectations: u64,
    mismatches: Vec<(u64, usize)>,
    verdicts: Vec<u64>,
}

impl Found {
    fn add(&mut self, other: Self) {
        self.expectations += other.expectations;
        self.mismatches.extend(other.mismatches);
        self.verdicts.extend(other.verdicts);
        for (cell, shares) in other.shares {
            let all = self.shares.entry(cell).or_default();
            all.iter_mut().zip(shares).for_each(|(all, share)| *all += share);
        }
    }
}

fn compare(seeds: &[u64]) -> Found {
    let mut found = Found::default();
    for &seed in seeds {
        let journal = generate(seed);
        let (naive, naive_all) = judge(&journal);
        let (real, real_all) = real(&journal);
        for (index, ruling) in naive.iter().enumerate() {
            found.shares.entry(cell(&journal, index)).or_default()[*ruling as usize] += 1;
            found.expectations += 1;
            if real[index].0 != *ruling {
                found.mismatches.push((seed, index));
            }
        }
        let same = naive.iter().zip(&real).all(|(naive, (real, _))| naive == real);
        if same && naive_all != real_all {
            found.verdicts.push(seed);
        }
    }
    found
}

/// Numbers in a variable of the environment.
fn asked_for(name: &str) -> Vec<u64> {
    std::env::var(name)
        .map_or_else(|_| Vec::new(), |text| text.split(',').filter_map(|word| word.parse().ok()).collect())
}

#[test]
fn two_judges_say_the_same_of_thousands_of_journals() {
    let count = asked_for("SPLITBRAIN_JOURNALS").first().copied().unwrap_or(JOURNALS);
    let seeds = asked_for("SPLITBRAIN_SEED");
    let first = asked_for("SPLITBRAIN_FROM").first().copied().unwrap_or(0);
    let seeds = if seeds.is_empty() { (first..first + count).collect() } else { seeds };
    let count = seeds.len() as u64;
    let (first, second) = seeds.split_at(seeds.len() / 2);
    let mut found = std::thread::scope(|scope| {
        let other = scope.spawn(|| compare(second));
        let mut found = compare(first);
        found.add(other.join().expect("the other half"));
        found
    });
    println!("{count} journals, {} expectations", found.expectations);
    println!("{:28} {:>6} {:>6} {:>6}", "check × when", "pass", "unkn", "fail");
    for (cell, [pass, unknown, fail]) in &found.shares {
        println!("{cell:28} {pass:>6} {unknown:>6} {fail:>6}");
    }
    found.mismatches.sort_unstable();
    tell(&found);
    assert!(found.mismatches.is_empty(), "the judges differ on {:?}", found.mismatches);
    assert!(found.verdicts.is_empty(), "the judges differ on the runs {:?}, and on nothing in them", found.verdicts);
    if count >= JOURNALS {
        enough_of_each(&found.shares);
    }
}

/// A generator that only makes unknowns tests nothing: each ruling on each check, and decided rulings on each check at
/// each `when`.
fn enough_of_each(shares: &Shares) {
    let mut checks: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for (cell, rulings) in shares {
        let all: u64 = rulings.iter().sum();
        let decided = all - rulings[Ruling::Unknown as usize];
        assert!(decided * 100 >= all * 10, "{cell}: only {decided} of {all} are decided");
        assert!(rulings[Ruling::Unknown as usize] * 100 >= all, "{cell}: hardly any of {all} are unknown");
        let check = checks.entry(cell.split(' ').next().unwrap_or_default()).or_default();
        check.iter_mut().zip(rulings).for_each(|(sum, share)| *sum += share);
    }
    for (check, rulings) in &checks {
        let all: u64 = rulings.iter().sum();
        assert!(rulings.iter().all(|share| share * 100 >= all * 2), "{check}: of {all}, {rulings:?}");
    }
}

fn tell(found: &Found) {
    let mut kinds: BTreeMap<String, Vec<(u64, usize)>> = BTreeMap::new();
    for &(seed, index) in &found.mismatches {
        let journal = generate(seed);
        let (naive, real) = (judge(&journal).0, real(&journal).0);
        let kind = format!("{}: naive {:?}, real {:?}", cell(&journal, index), naive[index], real[index].0);
        let kind = if real[index].1 == PANICKED { PANICKED.to_owned() } else { kind };
        kinds.entry(kind).or_default().push((seed, index));
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, found)| std::cmp::Reverse(found.len()));
    for (kind, found) in &kinds {
        let (seed, index) = found[0];
        let why = &real(&generate(seed)).0[index].1;
        println!("{:>5} × {kind} (seed {seed}, expectation {index}: {why})", found.len());
    }
    let told = asked_for("SPLITBRAIN_TOLD").first().copied().unwrap_or(TOLD);
    for (kind, found) in kinds.iter().take(told as usize) {
        let (seed, index) = found[0];
        let journal = generate(seed);
        let both = (judge(&journal).0[index], real(&journal).0[index].0);
        let small = shrink::shrink(journal, index, |smaller| {
            let (naive, real) = (judge(smaller).0, real(smaller).0);
            (naive.first().copied(), real.first().map(|(ruling, _)| *ruling)) == (Some(both.0), Some(both.1))
        });
        println!("\n— {kind}, seed {seed}, as small as it gets:");
        for event in &small.events {
            println!("{}", serde_json::to_string(event).unwrap());
        }
        println!("naive: {:?}\nreal: {:?}", judge(&small).0, real(&small).0);
    }
}

#[test]
fn the_same_seed_makes_the_same_journal() {
    assert_eq!(generate(7), generate(7));
    assert_ne!(generate(7), generate(8));
}
