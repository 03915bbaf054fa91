//! Runs that reports are made of in tests: one that heals, one that fails, one that cannot be told.

use std::fmt::Write as _;

use crate::check::agree::Agree;
use crate::check::answered::{Answered, Wanted};
use crate::check::diverge::Diverge;
use crate::check::finality::{Checkpoint, Finality};
use crate::check::progress::Progress;
use crate::check::ready::Ready;
use crate::check::recover::Recover;
use crate::check::reorg::Reorg;
use crate::check::testing::{after, during, expect, journal, secs};
use crate::check::{Expectation, Subject, That, When};
use crate::journal::Journal;

fn agree(on: Subject) -> That {
    That::Agree(Agree { on, depth: if on == Subject::Head { Some(2) } else { None } })
}

fn expectations() -> Vec<Expectation> {
    vec![
        expect(When::Within(secs(60)), That::Ready(Ready { within: None }), &[]),
        expect(during("split"), That::Diverge(Diverge { on: Subject::Head }), &[]),
        expect(after("split", 20), agree(Subject::Head), &[]),
        expect(after("crash", 20), That::Recover(Recover { within: secs(15), depth: 2 }), &[]),
        expect(When::Always, agree(Subject::Finalized), &[]),
        expect(When::Always, That::Reorg(Reorg { max_depth: 12 }), &[]),
        expect(
            When::AtEnd,
            That::Finality(Finality { lag: "4 epochs".parse().unwrap(), on: Checkpoint::default() }),
            &[],
        ),
        expect(When::AtEnd, agree(Subject::Head), &[]),
        expect(When::AtEnd, That::Progress(Progress { blocks: 15, per: None }), &[]),
    ]
}

/// Every check with every time that it can be asked at.
pub(crate) fn expectations_of_every_kind() -> Vec<Expectation> {
    use crate::check::Growth;
    use crate::check::exit::Exit;
    use crate::check::log::Log;
    use crate::check::peers::Peers;
    use crate::check::stall::Stall;
    let whens = [
        When::Always,
        When::Never,
        When::Sometimes,
        When::Within(secs(5)),
        When::At(secs(6)),
        When::AtEnd,
        during("p"),
        after("p", 5),
        after("k", 5),
        during("z"),
    ];
    let thats = [
        That::Ready(Ready { within: None }),
        agree(Subject::Head),
        agree(Subject::Finalized),
        agree(Subject::Height(2)),
        That::Diverge(Diverge { on: Subject::Head }),
        That::Diverge(Diverge { on: Subject::Finalized }),
        That::Progress(Progress { blocks: 2, per: None }),
        That::Progress(Progress { blocks: 1, per: Some(secs(2)) }),
        That::Stall(Stall { on: Growth::Head, settle: None }),
        That::Stall(Stall { on: Growth::Finalized, settle: Some(secs(1)) }),
        That::Finality(Finality { lag: "1".parse().unwrap(), on: Checkpoint::default() }),
        That::Recover(Recover { within: secs(5), depth: 1 }),
        That::Peers(Peers { min: 1, max: Some(4) }),
        That::Reorg(Reorg { max_depth: 2 }),
        That::Log(Log { pattern: "panic".to_owned(), min: 0, max: Some(0) }),
        That::Exit(Exit {}),
        That::Answered(Answered { entry: "pay".into(), pointer: String::new(), wanted: Wanted::Anything }),
    ];
    let pairs = thats.iter().flat_map(|that| whens.iter().map(move |when| (when, that)));
    pairs
        .filter(|(when, that)| that.goes_with(when).is_ok())
        .map(|(when, that)| expect(when.clone(), that.clone(), &[]))
        .collect()
}

/// A beacon chain with a block every two seconds on `nodes` nodes in two groups; the groups lose each other from 14 s to
/// 30 s, one node crashes from 40 s to 46 s. With a quirk, the last node goes its own way from 34 s on.
pub(crate) fn network(nodes: usize, quirk: bool, ended: &str) -> String {
    let half = nodes / 2;
    let names: Vec<String> =
        (0..nodes).map(|n| if n < half { format!("west-{n}") } else { format!("east-{}", n - half) }).collect();
    let mut text = String::from("nodes");
    for (n, name) in names.iter().enumerate() {
        let client = if n % 3 == 1 { "go-ethereum@v1.13.15" } else { "reference" };
        let odd = if quirk && n + 1 == nodes { "reference+--quirk+tie-break-high" } else { client };
        let _ = write!(text, " {name}:{odd}");
    }
    let (west, east) = (names[..half].join(" "), names[half..].join(" "));
    let all = names.join(" ");
    let _ = writeln!(text, "\nslots 4\nwindow split partition 14 30 {all}\nwindow crash kill 40 46 {}", names[0]);
    let _ = writeln!(text, "window slow shape 18 34 {east}");
    // Who makes the block of slot n, and on what.
    let make = |text: &mut String, heads: &mut [String; 3], side: usize, by: usize, name: &str| {
        let slot = &name[1..];
        let _ = writeln!(text, "block {name}@{slot} {} {}", heads[side], names[by]);
        name.clone_into(&mut heads[side]);
    };
    let slot_of = |second: u64| second / 2;
    let mut lines: Vec<(f64, String)> = Vec::new();
    let mut heads: [String; 3] = ["genesis".to_owned(), "genesis".to_owned(), String::new()];
    lines.push((0.1, format!("{all} peers {}", nodes - 1)));
    for second in (2..=60_u64).step_by(2) {
        let slot = slot_of(second);
        let producer = (slot as usize * 7) % nodes;
        let split = (14..30).contains(&second);
        let east_made = producer >= half;
        let loner = &names[nodes - 1];
        if quirk && second >= 34 && (producer == nodes - 1 || second == 34) {
            make(&mut text, &mut heads, 2, nodes - 1, &format!("q{slot}"));
            lines.push((second as f64 + 0.4, format!("{loner} head {}", heads[2])));
        }
        match (split, east_made) {
            (false, _) => {
                if second == 30 {
                    // The west's chain wins.
                    heads[1] = heads[0].clone();
                    lines.push((31.0, format!("{east} reorg 4")));
                }
                make(&mut text, &mut heads, 0, producer, &format!("m{slot}"));
                heads[1] = heads[0].clone();
                if second < 34 {
                    heads[2] = heads[0].clone();
                }
            }
            (true, false) => make(&mut text, &mut heads, 0, producer, &format!("w{slot}")),
            (true, true) => make(&mut text, &mut heads, 1, producer, &format!("e{slot}")),
        }
        for (n, name) in names.iter().enumerate() {
            let at = second as f64 + 0.1 + 0.03 * n as f64 + if second == 30 && n >= half { 1.2 } else { 0.0 };
            let gone = n == 0 && (40..48).contains(&second);
            let loner = quirk && n + 1 == nodes && second >= 34;
            if !gone && !loner && !(split && (n >= half) != east_made) {
                lines.push((at, format!("{name} head {}", heads[usize::from(n >= half)])));
            }
        }
        if second % 8 == 0 && !split && second > 16 {
            lines.push((second as f64 + 1.9, format!("{} final {} {}", all, second / 8 - 2, "m1")));
        }
    }
    lines.push((14.0, "begin split".to_owned()));
    lines.push((15.5, format!("{all} peers {}", half - 1)));
    lines.push((18.004, "begin slow".to_owned()));
    lines.push((30.001, "end split".to_owned()));
    lines.push((32.5, format!("{all} peers {}", nodes - 1)));
    lines.push((34.002, "end slow".to_owned()));
    lines.push((40.0, format!("{} exit expected", names[0])));
    lines.push((40.012, "begin crash".to_owned()));
    lines.push((46.03, format!("{} started", names[0])));
    lines.push((46.05, "end crash".to_owned()));
    lines.push((47.2, format!("{} back", names[0])));
    lines.push((47.3, format!("{} head {}", names[0], "m22")));
    lines.push((48.3, format!("{} peers {}", names[0], nodes - 1)));
    if !quirk && ended != "complete" {
        lines.push((20.0, format!("{west} reorg 1")));
    }
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at, line) in lines {
        if ended != "interrupted" || at < 26.0 {
            let _ = writeln!(text, "{at:.3} {line}");
        }
    }
    let end = if ended == "interrupted" { 26.0 } else { 62.0 };
    let _ = writeln!(text, "{end} ended {ended}");
    text
}

/// Eight nodes that part and meet again.
pub(crate) fn healed() -> Journal {
    journal(&network(8, false, "complete"), &expectations())
}

/// Eight nodes of which one goes its own way.
pub(crate) fn failed() -> Journal {
    journal(&network(8, true, "complete"), &expectations())
}

/// A run that somebody interrupted during the split.
pub(crate) fn unknown() -> Journal {
    journal(&network(8, false, "interrupted"), &expectations())
}

/// Fifty nodes.
pub(crate) fn large() -> Journal {
    journal(&network(50, true, "complete"), &expectations())
}

/// Three participants of three members each; one loses the others from 20 s to 52 s and builds alone, and its execution
/// client stays behind for a while. A peer count that lies, a call, a refusal.
pub(crate) fn participants() -> Journal {
    let mut head = String::from(
        "nodes west-0.execution:go-ethereum@v1.16.9 west-0.consensus:prysm@v6.0.4 west-0.validator:prysm@v6.0.4\n\
         nodes west-1.execution:go-ethereum@v1.15.11 west-1.consensus:prysm@v5.3.2 west-1.validator:prysm@v5.3.2\n\
         nodes east-0.execution:ethereumjs@0.10.5 east-0.consensus:prysm@v6.0.4 east-0.validator:prysm@v6.0.4\n\
         slots 6\nwindow split partition 20 52 east-0.execution east-0.consensus east-0.validator\n",
    );
    let (west, east) = (["west-0", "west-1"], "east-0");
    let mut lines: Vec<(f64, String)> = Vec::new();
    let mut tips = [["bg".to_owned(), "xg".to_owned()], ["bg".to_owned(), "xg".to_owned()]];
    for slot in 1..=24_u64 {
        let second = 4 * slot;
        let (cut, by_east) = ((20..52).contains(&second), slot % 3 == 2);
        let side = usize::from(cut && by_east);
        let maker = if by_east { east } else { west[(slot % 2) as usize] };
        let letter = if side == 1 { "e" } else { "w" };
        let [beacon, execution] = &mut tips[side];
        let _ = writeln!(
            head,
            "block x{letter}{slot} {execution}\nblock b{letter}{slot}@{slot} {beacon} {maker}.validator"
        );
        let _ = writeln!(head, "inside b{letter}{slot} x{letter}{slot}");
        (*beacon, *execution) = (format!("b{letter}{slot}"), format!("x{letter}{slot}"));
        if !cut {
            tips[1] = tips[0].clone();
        }
        let all = ["west-0", "west-1", "east-0"];
        for name in all {
            let here = usize::from(name == east && cut);
            if cut && here != side {
                continue;
            }
            lines.push((second as f64 + 0.3, format!("{name}.consensus head {}", tips[here][0])));
            if name != "west-1" || !(60..84).contains(&second) {
                lines.push((second as f64 + 0.5, format!("{name}.execution head {}", tips[here][1])));
            }
        }
        if second == 52 {
            lines.push((52.35, "east-0.consensus reorg 8".to_owned()));
            lines.push((52.55, "east-0.execution reorg 3".to_owned()));
        }
        if slot % 6 == 0 && !cut {
            for name in all {
                lines.push((second as f64 + 1.0, format!("{name}.consensus final {} bw1", slot / 6)));
                lines.push((second as f64 + 1.1, format!("{name}.execution final {} xw1", slot.saturating_sub(9))));
            }
        }
    }
    for name in ["west-0", "west-1", "east-0"] {
        lines.push((0.5, format!("{name}.execution {name}.consensus peers 2")));
    }
    lines
        .push((19.0, "links west-0.consensus>east-0.consensus:50:0 east-0.consensus>west-0.consensus:50:0".to_owned()));
    lines.push((20.0, "begin split".to_owned()));
    lines.push((23.0, "east-0.consensus log refusal could not process block: invalid merkle root".to_owned()));
    lines.push((
        45.0,
        "links west-0.consensus>east-0.consensus:50:40 east-0.consensus>west-0.consensus:50:38".to_owned(),
    ));
    lines.push((52.0, "end split".to_owned()));
    lines.push((70.0, "west-0.execution called pay eth_sendRawTransaction ok".to_owned()));
    lines.push((71.0, "east-0.execution called pay eth_sendRawTransaction fail".to_owned()));
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at, line) in lines {
        let _ = writeln!(head, "{at:.3} {line}");
    }
    head.push_str("98 ended complete\n");
    let expectations = [
        expect(When::Within(secs(60)), That::Ready(Ready { within: None }), &[]),
        expect(during("split"), That::Diverge(Diverge { on: Subject::Head }), &[]),
        expect(during("split"), agree(Subject::Head), &["west-0.consensus", "east-0.consensus"]),
        expect(after("split", 20), agree(Subject::Head), &[]),
        expect(When::At(secs(50)), agree(Subject::Head), &[]),
        expect(When::AtEnd, That::Progress(Progress { blocks: 15, per: None }), &[]),
    ];
    journal(&head, &expectations)
}

/// Four nodes of a chain that halts while it is cut in two halves.
pub(crate) fn halted() -> Journal {
    let mut text = String::from(
        "nodes a:cometbft@v0.38 b:cometbft@v0.38 c:cometbft@v1.0 d:cometbft@v1.0\nlayer cometbft a b c d\n\
         window halves partition 10 30 a b c d\n",
    );
    let mut lines = Vec::new();
    for block in 1..=20_u64 {
        let parent = if block == 1 { "g".to_owned() } else { format!("x{}", block - 1) };
        let _ = writeln!(text, "block x{block} {parent}");
        let second = if block <= 9 { block } else { block + 25 };
        lines.push((second, format!("a b c d head x{block}")));
    }
    lines.push((10, "begin halves".to_owned()));
    lines.extend((1..8_u64).map(|round| (11 + 2 * round, format!("a b c d round 10 {round} Prevote"))));
    lines.push((30, "end halves".to_owned()));
    lines.sort();
    for (at, line) in lines {
        let _ = writeln!(text, "{at} {line}");
    }
    text.push_str("48 ended complete\n");
    journal(
        &text,
        &[expect(after("halves", 15), agree(Subject::Head), &[]), expect(during("halves"), agree(Subject::Head), &[])],
    )
}
