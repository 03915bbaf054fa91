//! Journals that try to get a pass, or a failure, out of a check that saw neither.

use Outcome::{Fail, Pass, Unknown};

use crate::check::agree::Agree;
use crate::check::answered::{Answered, Wanted};
use crate::check::diagnosed::{Diagnosed, WantedKind};
use crate::check::diverge::Diverge;
use crate::check::exit::Exit;
use crate::check::finality::{Checkpoint, Finality};
use crate::check::log::Log;
use crate::check::peers::Peers;
use crate::check::progress::Progress;
use crate::check::ready::Ready;
use crate::check::recover::Recover;
use crate::check::reorg::Reorg;
use crate::check::rpc_equal::RpcEqual;
use crate::check::stall::Stall;
use crate::check::testing::{after, assert_outcome, during, judge_nodes, judge_one, secs};
use crate::check::{Growth, Outcome, Subject, That, When};

fn agree() -> That {
    That::Agree(Agree { on: Subject::Head, depth: Some(0) })
}

fn on_final() -> That {
    That::Agree(Agree { on: Subject::Finalized, depth: None })
}

fn peers(min: u64) -> That {
    That::Peers(Peers { min, max: None })
}

fn same_answers() -> That {
    That::RpcEqual(RpcEqual {
        asked_by: "rpc_equal/0".to_owned(),
        method: "eth_chainId".to_owned(),
        params: Vec::new(),
        ignore: Vec::new(),
    })
}

const FORKED: &str = "block x1 genesis a\nblock x2 x1 a\nblock x3 x2 a\nblock y2 x1 c\nblock y3 y2 c";

#[track_caller]
fn judged(text: &str, when: When, that: That, wanted: Outcome) {
    assert_outcome(&judge_one(text, when, that), wanted);
}

#[test]
fn a_dissenter_that_is_restarted_at_the_asked_instant_does_not_agree() {
    for (fault, end) in [("restart", "12"), ("kill", "20")] {
        let text = format!(
            "nodes a b c\npromises 1\nwindow crash {fault} 12 {end} c\n{FORKED}\n1 a b c head x1\n4 a b head x2\n4 c head y2\n\
             12 c exit expected\n12 begin crash\n{end} end crash\n{end} c started\n{end}.5 c back\n{end}.5 c head x2\n40 ended complete"
        );
        for when in [When::At(secs(12)), When::At(secs(13))] {
            let result = judge_one(&text, when, agree());
            assert_ne!(result.outcome, Fail, "{fault}: {}", result.summary);
            if result.outcome == Pass {
                assert_eq!((fault, result.moment), ("restart", Some(18_000_000)), "{}", result.summary);
            }
        }
        judged(&text, When::Always, agree(), Fail);
        judged(&text, When::Sometimes, That::Diverge(Diverge { on: Subject::Head }), Pass);
    }
}

#[test]
fn what_lies_behind_a_gap_at_the_bound_is_neither_in_time_nor_late() {
    let text = |gap: &str| {
        format!(
            "nodes a b c\npromises 1\nwindow split partition 5 10 a b c\n{FORKED}\n1 a b c head x1\n5 begin split\n6 a b head x2\n\
             6 c head y2\n10 end split\n{gap}\n24 c head x2\n40 ended complete"
        )
    };
    judged(&text("24 c pollgap 6"), after("split", 10), agree(), Unknown);
    judged(&text("24 c pollgap 2"), after("split", 10), agree(), Fail);
    judged(&text("24 c pollgap 6"), after("split", 10), That::Recover(Recover { within: secs(10), depth: 0 }), Unknown);
    // Growth behind the gap may be from before it.
    let grown = That::Progress(Progress { blocks: 1, per: None });
    assert_outcome(&judge_nodes(&text("24 c pollgap 6"), after("split", 10), grown, &["c"]), Unknown);
}

#[test]
fn what_was_said_before_a_gap_that_nobody_was_told_of_is_void_after_it() {
    for gap in ["13 a pollgap 5", "13 stood 5", "8 a lost\n13 a back"] {
        let text = format!(
            "nodes a b\npromises 1\nblock x1 genesis a\n1 a b head x1\n1 a b peers 1\n{gap}\n13 a b head x1\n13 b peers 1\n14 a peers 0\n\
             20 ended complete"
        );
        // Between the first answer and the first number of peers nobody knows how many there are.
        let at = When::At(std::time::Duration::from_millis(13_500));
        judged(&text, at, peers(1), Unknown);
        let fallen = if gap.contains("stood") { Unknown } else { Fail };
        judged(&text, When::AtEnd, peers(1), fallen);
    }
}

#[test]
fn a_paused_node_is_not_blamed_for_the_head_that_it_had() {
    // It answers before it names its head: a few milliseconds in which the old one says nothing.
    let text = format!(
        "nodes a b c\npromises 1\nwindow sleep pause 5 15 c\n{FORKED}\n1 a b c head x1\n5 begin sleep\n6 c lost\n8 a b head x3\n\
         15 end sleep\n15.2 c back\n15.25 c head x3\n30 ended complete"
    );
    judged(&text, When::Always, That::Agree(Agree { on: Subject::Head, depth: Some(2) }), Pass);
    let reorg = That::Reorg(Reorg { max_depth: 0 });
    judged(&text, When::Always, reorg, Pass);
}

#[test]
fn nobody_passes_by_being_away() {
    let text = "nodes a b\npromises 1\nwindow crash kill 5 15 a b\nblock x1 genesis a\n1 a b head x1\n1 a b peers 1\n\
                2 a final 1 x1\n2 b final 1 x1\n5 a exit expected\n5 b exit expected\n5 begin crash\n15 end crash\n\
                15 a started\n15 b started\n15.5 a b back\n15.5 a b head x1\n16 a b peers 1\n16 a final 1 x1\n16 b final 1 x1\n30 ended complete";
    for that in [agree(), on_final(), peers(1), That::Stall(Stall { on: Growth::Head, settle: None })] {
        judged(text, during("crash"), that.clone(), Unknown);
        if !matches!(that, That::Stall(_)) {
            judged(text, When::At(secs(10)), that, Unknown);
        }
    }
    judged(text, during("crash"), That::Progress(Progress { blocks: 1, per: None }), Unknown);
}

#[test]
fn a_wiped_node_neither_grows_nor_forgets_what_was_final() {
    let text = "nodes a b\npromises 1\nwindow crash restart 5 5 b\nwipes crash\nblock x1 genesis a\nblock x2 x1 a\nblock x3 x2 a\n\
                block y1 genesis b\n1 a b head x3\n2 a final 2 x2\n2 b final 2 x2\n5 b exit expected\n5 begin crash\n5 end crash\n\
                5 b started\n6 b back\n6 b head y1\n7 b final 1 y1\n9 b head x3\n10 b final 2 x2\n30 ended complete";
    judged(text, When::AtEnd, on_final(), Fail);
    assert_outcome(
        &judge_nodes(text, after("crash", 20), That::Stall(Stall { on: Growth::Head, settle: Some(secs(5)) }), &["b"]),
        Pass,
    );
    let again = text.replace("7 b final 1 y1\n", "").replace("6 b head y1", "6 b head x1");
    let progress = That::Progress(Progress { blocks: 1, per: None });
    assert_outcome(&judge_nodes(&again, after("crash", 20), progress, &["b"]), Fail);
}

#[test]
fn a_late_joiner_that_does_not_come_is_not_left_out() {
    let text = |come: &str| {
        format!(
            "nodes a b c\nlate c\npromises 1\nwindow in join 0 5 c\nblock x1 genesis a\n0 begin in\n1 a b head x1\n\
             1 a b peers 1\n5 end in\n{come}\n80 ended complete"
        )
    };
    let came = "5.1 c started\n5.5 c ready\n6 c back\n6 c head x1\n6 c peers 1";
    judged(&text(came), When::Always, agree(), Pass);
    judged(&text(came), When::Always, peers(1), Pass);
    judged(&text(""), When::Always, agree(), Unknown);
    judged(&text(""), When::Always, peers(1), Unknown);
    judged(&text("5.1 c started"), When::Always, agree(), Unknown);
    // It was asked for, and did not come.
    judged(&text(""), after("in", 20), That::Recover(Recover { within: secs(20), depth: 0 }), Fail);
}

#[test]
fn each_repetition_counts_and_one_that_was_not_carried_out_spoils_all() {
    let text = |second: &str| {
        format!(
            "nodes a b c\npromises 1\nwindow split#1 partition 5 10 a b c\nwindow split#2 partition 15 20 a b c\n{FORKED}\n1 a b c head x1\n\
             5 begin split#1\n6 a b head x2\n6 c head y2\n10 end split#1\n12 c head x2\n{second}\n40 ended complete"
        )
    };
    let diverge = || That::Diverge(Diverge { on: Subject::Head });
    let held = text("15 begin split#2\n20 end split#2");
    judged(&held, during("split"), diverge(), Fail);
    judged(&held, after("split", 5), agree(), Pass);
    let failed = text("15 begin split#2 no such rule");
    judged(&failed, during("split"), diverge(), Unknown);
    judged(&failed, after("split", 5), agree(), Unknown);
    judged(&failed, after("split", 5), same_answers(), Unknown);
    let short = text("15 begin split#2\n16 end split#2");
    judged(&short, during("split"), diverge(), Unknown);
    judged(&text("15 begin split#2"), after("split", 5), agree(), Unknown);
}

#[test]
fn who_is_dead_or_was_not_asked_gives_no_equal_answer() {
    let text = |more: &str| {
        format!(
            "nodes a b c\npromises 1\nblock x1 genesis a\n1 a b c head x1\n{more}\n20 a answers rpc_equal/0 1\n20 b answers rpc_equal/0 1\n\
             40 ended complete"
        )
    };
    judged(&text("5 c exit 1"), When::Sometimes, same_answers(), Unknown);
    judged(&text(""), When::Sometimes, same_answers(), Unknown);
    let text = text("window crash kill 5 30 c\nblock x2 x1 a\n5 c exit expected\n5 begin crash\n6 a b head x2");
    let text = text.replace("40 ended", "30 end crash\n30 c started\n31 c back\n31 c head x1\n40 ended");
    // The round is one without `c`, which is there at other moments of the whole run, and at none of the entry's time.
    judged(&text, When::Sometimes, same_answers(), Unknown);
    judged(&text, during("crash"), same_answers(), Pass);
}

#[test]
fn an_older_journal_promises_nothing() {
    let text = |promises: &str, more: &str| {
        format!("nodes a b\n{promises}\nblock x1 genesis a\n1 a b head x1\n1 a b peers 1\n{more}\n40 ended complete")
    };
    // Nothing was told for half a minute: a journal that promises would have said so.
    judged(&text("promises 1", ""), When::Always, peers(1), Pass);
    judged(&text("", "40 a watched 20 0 25"), When::Always, peers(1), Unknown);
    let none = That::Log(Log { pattern: "panic".to_owned(), min: 0, max: Some(0) });
    judged(&text("promises 1", "39 a count own:panic 0\n39 b count own:panic 0"), When::Always, none.clone(), Pass);
    judged(&text("promises 1", "nopanic a\n39 b count own:panic 0"), When::Always, none.clone(), Unknown);
    judged(&text("promises 1", "39 a count own:panic 0"), When::Always, none, Unknown);
    let some = That::Log(Log { pattern: "sealed".to_owned(), min: 1, max: None });
    judged(&text("", ""), When::Always, some.clone(), Unknown);
    judged(&text("promises 1", "39 a count sealed 0\n39 b count sealed 0"), When::Always, some, Fail);
}

#[test]
fn a_tool_that_stood_still_blames_nobody_for_what_came_after() {
    let text = "nodes a b c\npromises 1\nwindow split partition 5 10 a b c\nblock x1 genesis a\nblock x2 x1 a\nblock y2 x1 c\n1 a b c head x1\n\
                5 begin split\n10 end split\n18 stood 6\n19 a b head x2\n19 c head y2\n20 a b c peers 0\n40 ended complete";
    for that in
        [agree(), peers(1), That::Stall(Stall { on: Growth::Head, settle: None }), That::Reorg(Reorg { max_depth: 0 })]
    {
        let result = judge_one(text, When::Always, that);
        assert_ne!(result.outcome, Fail, "{}: {}", result.label, result.summary);
    }
    // What failed before it did is a failure.
    let early = text.replace("5 begin split", "2 a b peers 0\n2 c peers 0\n5 begin split");
    judged(&early, When::Always, peers(1), Fail);
    let slow = That::Progress(Progress { blocks: 1, per: Some(secs(4)) });
    judged(text, When::Always, slow, Fail);
}

#[test]
fn a_node_that_left_blocks_while_it_was_down_went_back() {
    let text = format!(
        "nodes a b c\npromises 1\nwindow crash restart 10 10 c\n{FORKED}\n1 a b c head x1\n4 a b head x3\n4 c head y3\n10 c exit expected\n\
         10 begin crash\n10 end crash\n10 c started\n11 c back\n11 c head x3\n40 ended complete"
    );
    judged(&text, When::Always, That::Reorg(Reorg { max_depth: 1 }), Fail);
    judged(&text, When::Always, That::Reorg(Reorg { max_depth: 2 }), Pass);
    let unseen = text.replace("11 c head x3", "11 c bare z9 9");
    judged(&unseen, When::Always, That::Reorg(Reorg { max_depth: 2 }), Unknown);
}

#[test]
fn lines_that_the_engine_writes_are_not_taken_for_more_than_they_say() {
    let text = |lines: &str| format!("nodes a b\npromises 1\nwindow crash kill 5 10 a\n{lines}");
    let died = text("5 a exit expected\n5 begin crash\n10 end crash\n10 a started\n12 a exit 1\n40 ended complete");
    judged(&died, during("crash"), That::Exit(Exit {}), Pass);
    judged(&died, after("crash", 5), That::Exit(Exit {}), Fail);
    judged(&died, When::At(secs(11)), That::Exit(Exit {}), Pass);
    judged(
        &text("5 a exit expected\n5 begin crash\n7 ended interrupted"),
        during("crash"),
        That::Exit(Exit {}),
        Unknown,
    );
    // A node that was started again is not asked whether it was ready the first time.
    judged(
        &text("12 a started\n12 a notready\n40 ended complete"),
        When::Within(secs(5)),
        That::Ready(Ready { within: None }),
        Pass,
    );
    let late = "nodes a b\nlate a\n1 a started\n40 ended complete";
    judged(late, When::Within(secs(5)), That::Ready(Ready { within: Some(secs(5)) }), Fail);
    let anything = That::Answered(Answered { entry: "pay".into(), pointer: String::new(), wanted: Wanted::Anything });
    let paid = |call: &str| {
        format!(
            "nodes a b\nwindow pay#1 send 5 - a\nwindow pay#2 send 9 - a\n5 a replies pay#1 send 1\n{call}\n40 ended complete"
        )
    };
    judged(&paid("9 a replies pay#2 send 1"), When::AtEnd, anything.clone(), Pass);
    judged(&paid(""), When::AtEnd, anything, Unknown);
}

#[test]
fn final_that_lies_far_behind_is_not_forgotten_by_a_kill() {
    let text = "nodes a b\npromises 1\nlayer execution a b\nwindow crash kill 10 50 b\nblock x30@30 ? a\n1 a b head x30\n2 a final 29 f\n2 b final 3 e\n\
                10 b exit expected\n10 begin crash\n40 ended complete";
    let finality = || That::Finality(Finality { lag: "5 blocks".parse().unwrap(), on: Checkpoint::default() });
    judged(text, When::AtEnd, finality(), Unknown);
    judged(text, When::Always, finality(), Fail);
    judged(text, When::Sometimes, finality(), Unknown);
}

#[test]
fn nothing_is_the_matter_only_where_all_were_seen() {
    let nothing = || That::Diagnosis(Diagnosed { kind: WantedKind::None, block: None, sides: Vec::new() });
    let text = |more: &str| {
        format!(
            "nodes a b c\npromises 1\nwindow crash kill 10 20 c\n{FORKED}\n1 a b c head x1\n{more}\n8 a b head x2\n8.5 ended complete"
        )
    };
    judged(&text("8 c head x2"), When::AtEnd, nothing(), Pass);
    judged(&text("2 c lost"), When::AtEnd, nothing(), Unknown);
    judged(&text("2 c exit 1"), When::AtEnd, nothing(), Unknown);
    judged(&text("8 c head y2"), When::AtEnd, nothing(), Fail);
    judged(&text("8 c bare z9 9"), When::AtEnd, nothing(), Unknown);
}
