//! Nodes of several layers in one expectation.

use crate::check::agree::Agree;
use crate::check::diverge::Diverge;
use crate::check::finality::{Checkpoint, Finality};
use crate::check::progress::Progress;
use crate::check::recover::Recover;
use crate::check::reorg::Reorg;
use crate::check::stall::Stall;
use crate::check::testing::{after, assert_outcome, during, judge_nodes, judge_one, secs};
use crate::check::{Growth, Outcome, Subject, That, When};

/// Two participants; slots 1, 2 and 4 hold execution blocks 1, 2 and 3.
const NETWORK: &str = "
    nodes w.execution:geth@v1.16.9 w.consensus:prysm@v6.0.4 w.validator:prysm@v6.0.4
    nodes e.execution:ethereumjs e.consensus:prysm@v5.3.2 e.validator:prysm@v5.3.2
    slots 6
    window split partition 8 16 w.execution w.consensus w.validator e.execution e.consensus e.validator
    block x1 xgenesis
    block x2 x1
    block x3 x2
    block y3 x2
    block b1 bgenesis w.validator
    block b2 b1 e.validator
    block b4@4 b2 w.validator
    block c4@4 b2 e.validator
    inside b1 x1
    inside b2 x2
    inside b4 x3
    inside c4 y3
    1 w.consensus e.consensus head b1
    1.1 w.execution e.execution head x1
    3 w.consensus e.consensus head b2
    3.1 w.execution e.execution head x2
";

fn agree() -> That {
    That::Agree(Agree { on: Subject::Head, depth: Some(0) })
}

#[test]
fn slots_are_not_compared_with_block_numbers() {
    let text = format!(
        "{NETWORK} 10 w.consensus e.consensus head b4\n 10.1 w.execution e.execution head x3\n 20 ended complete"
    );
    let result = judge_one(&text, When::AtEnd, agree());
    assert_outcome(&result, Outcome::Pass);
    assert_outcome(&judge_one(&text, When::Sometimes, That::Diverge(Diverge { on: Subject::Head })), Outcome::Fail);
    assert_outcome(&judge_one(&text, When::AtEnd, That::Progress(Progress { blocks: 2, per: None })), Outcome::Pass);
    let (on, depth) = (Subject::Height(3), None);
    assert_outcome(&judge_one(&text, When::AtEnd, That::Agree(Agree { on, depth })), Outcome::Pass);
}

#[test]
fn one_layer_that_disagrees_is_enough() {
    let text = format!(
        "{NETWORK} 8 begin split\n 10 w.consensus e.consensus head b4\n 10 w.execution head x3\n 10 e.execution head y3\n \
         16 end split\n 20 ended complete"
    );
    let result = judge_one(&text, When::AtEnd, agree());
    assert_outcome(&result, Outcome::Fail);
    let explanation = result.explanation.unwrap();
    assert_eq!(explanation.layer, "execution");
    assert_eq!(explanation.height, Some(3));
    assert!(
        result.facts.iter().any(|fact| fact.starts_with("execution chains differ from block 3 on")),
        "{:?}",
        result.facts
    );
    assert_outcome(&judge_one(&text, during("split"), That::Diverge(Diverge { on: Subject::Head })), Outcome::Pass);
    let consensus = ["w.consensus", "e.consensus"];
    assert_outcome(&judge_nodes(&text, When::AtEnd, agree(), &consensus), Outcome::Pass);
}

#[test]
fn participants_are_said_by_name_where_all_members_are_meant() {
    let text = format!("{NETWORK} 10 w.consensus head b4\n 10 e.consensus head c4\n 20 ended complete");
    let result = judge_one(&text, When::AtEnd, agree());
    assert_outcome(&result, Outcome::Fail);
    let facts = result.facts.join("\n");
    assert!(facts.contains("consensus chains differ from slot 4 on: 1 node holds") && facts.contains("(w)"), "{facts}");
    assert!(facts.contains("was made by w (prysm@v6.0.4 over geth@v1.16.9)"), "{facts}");
    let consensus = ["w.consensus", "e.consensus"];
    let facts = judge_nodes(&text, When::AtEnd, agree(), &consensus).facts.join("\n");
    assert!(facts.contains("(w.consensus)"), "{facts}");
}

#[test]
fn what_shows_no_chain_is_left_out_or_cannot_be_told() {
    let text = format!("{NETWORK} 20 ended complete");
    let validators = ["w.validator", "e.validator"];
    for that in [agree(), That::Progress(Progress { blocks: 1, per: None }), That::Reorg(Reorg { max_depth: 1 })] {
        let result = judge_nodes(&text, When::AtEnd, that, &validators);
        assert_outcome(&result, Outcome::Unknown);
        assert_eq!(result.summary, "cannot be told: w.validator and e.validator show no chain (adapter `process`)");
    }
    let result = judge_nodes(&text, When::AtEnd, agree(), &["w.execution", "w.consensus", "w.validator"]);
    assert_outcome(&result, Outcome::Unknown);
    assert!(result.summary.contains("no two of these nodes show the same chain"), "{}", result.summary);
}

#[test]
fn finality_in_each_layers_own_terms() {
    // Epoch 1 is final, and block 5 of it; heads are in slot 20 and at block 18.
    let text = "
        nodes w.execution w.consensus e.execution e.consensus
        slots 6
        1 w.consensus e.consensus bare b20 20
        1 w.execution e.execution bare x18 18
        2 w.consensus e.consensus final 1 b6
        2 w.execution e.execution final 5 x5
        20 ended complete";
    let finality = |lag: &str| That::Finality(Finality { lag: lag.parse().unwrap(), on: Checkpoint::default() });
    assert_outcome(&judge_one(text, When::AtEnd, finality("2 epochs")), Outcome::Pass);
    assert_outcome(&judge_one(text, When::AtEnd, finality("1 epoch")), Outcome::Fail);
    let result = judge_one(text, When::AtEnd, finality("13 slots"));
    assert_outcome(&result, Outcome::Fail);
    assert!(result.facts.iter().any(|fact| fact.contains("w.consensus was 14 slots behind")), "{:?}", result.facts);
    let result = judge_one(text, When::AtEnd, finality("12 slots"));
    assert!(
        result.facts.iter().any(|fact| fact.contains("w.execution was 13 blocks behind: head at 18, final block 5"))
    );
}

#[test]
fn justification_is_a_matter_of_the_consensus_layer() {
    let text = |epoch: u64| {
        format!(
            "nodes w.execution w.consensus\nslots 6\n1 w.consensus bare b20 20\n1 w.execution bare x18 18\n\
             2 w.consensus final 0 g\n3 w.consensus justified {epoch} b6\n20 ended complete"
        )
    };
    let justified = || That::Finality(Finality { lag: "1 epoch".parse().unwrap(), on: Checkpoint::Justified });
    assert_outcome(&judge_one(&text(2), When::AtEnd, justified()), Outcome::Pass);
    let result = judge_one(&text(1), When::AtEnd, justified());
    assert_outcome(&result, Outcome::Fail);
    assert!(
        result.facts.iter().any(|fact| fact.contains("2 epochs behind: head at 20, justified epoch 1")),
        "{:?}",
        result.facts
    );
    let nobody = "nodes w.execution\nslots 6\n1 w.execution bare x18 18\n20 ended complete";
    assert_outcome(&judge_one(nobody, When::AtEnd, justified()), Outcome::Unknown);
}

#[test]
fn an_execution_client_that_called_nothing_final_holds_no_other_view() {
    let text = "nodes w.execution w.consensus e.execution e.consensus\nslots 6\n\
        1 w.consensus e.consensus final 0 g\n1 w.execution e.execution bare x18 18\n\
        1 w.consensus e.consensus bare b20 20\n20 ended complete";
    let agree = That::Agree(Agree { on: Subject::Finalized, depth: None });
    assert_outcome(&judge_one(text, When::Always, agree.clone()), Outcome::Pass);
    // A chain of its own has nobody beside it that says what is final.
    let alone = "nodes a b\nlayer execution a b\n1 a b bare x18 18\n20 ended complete";
    assert_outcome(&judge_one(alone, When::Always, agree), Outcome::Unknown);
}

#[test]
fn recovery_is_among_nodes_of_the_same_layer() {
    let window = "nodes a.execution a.consensus b.execution b.consensus c.execution c.consensus
        window crash kill 4 8 a.execution a.consensus
        block x1 xg
        block b1 bg
        1 a.execution b.execution c.execution head x1
        1 a.consensus b.consensus c.consensus head b1
        4 begin crash
        4 a.execution a.consensus exit expected
        8 end crash
        8 a.execution a.consensus started
        ";
    let recover = || That::Recover(Recover { within: secs(10), depth: 1 });
    let back = format!("{window} 10 a.execution head x1\n 11 a.consensus head b1\n 30 ended complete");
    assert_outcome(&judge_one(&back, after("crash", 10), recover()), Outcome::Pass);
    let half = format!("{window} 10 a.execution head x1\n 30 ended complete");
    assert_outcome(&judge_one(&half, after("crash", 10), recover()), Outcome::Unknown);
}

#[test]
fn standing_still_is_each_nodes_own() {
    let text = format!("{NETWORK} 8 begin split\n 12 w.execution head x3\n 16 end split\n 20 ended complete");
    let stall = That::Stall(Stall { on: Growth::Head, settle: None });
    let result = judge_one(&text, during("split"), stall.clone());
    assert_outcome(&result, Outcome::Fail);
    assert!(result.summary.starts_with("1 of 4 nodes grew"), "{}", result.summary);
    let consensus = ["w.consensus", "e.consensus", "e.validator"];
    assert_outcome(&judge_nodes(&text, during("split"), stall, &consensus), Outcome::Pass);
}

#[test]
fn journals_older_than_layers_are_judged_as_before() {
    let text = "nodes a b\nlayer  a b\nblock a1 genesis a\n1 a b head a1\n9 ended complete";
    let mut journal = crate::check::testing::journal(text, &[crate::check::testing::expect(When::AtEnd, agree(), &[])]);
    for node in &mut journal.run.nodes {
        node.layer.clear();
    }
    assert_eq!(crate::check::judge(&journal).outcome, Outcome::Pass);
}

#[test]
fn lost_branches_are_told_with_reorganisations() {
    let text = "nodes a b\nlayer bitcoin a b\nblock m1 genesis\nblock m2 m1\n1 a b head m1\n2 a b head m2\n\
                8 a branch 4 lost 3 valid-fork\n9 b branch 4 lost 3 valid-fork\n20 ended complete";
    let result = judge_one(text, When::Always, That::Reorg(Reorg { max_depth: 5 }));
    assert_outcome(&result, Outcome::Pass);
    assert_eq!(result.figures["lost_branches"], 1);
    assert!(result.facts[0].starts_with("a and b keep a lost branch of 3 blocks up to"), "{:?}", result.facts);
    assert!(result.facts[0].contains("(valid-fork)"));
    let none = judge_one(
        "nodes a b\nblock m1 genesis\n1 a b head m1\n20 ended complete",
        When::Always,
        That::Reorg(Reorg { max_depth: 5 }),
    );
    assert!(none.facts.is_empty() && !none.figures.contains_key("lost_branches"));
}

#[test]
fn a_node_that_answers_and_has_no_block_made_no_progress() {
    let text = "nodes a b\nlayer cometbft a b\n1 a b back\n30 ended complete";
    let progress = || That::Progress(Progress { blocks: 1, per: None });
    assert_outcome(&judge_one(text, When::AtEnd, progress()), Outcome::Fail);
    assert_outcome(&judge_one("nodes a b\n30 ended complete", When::AtEnd, progress()), Outcome::Unknown);
}

#[test]
fn other_state_roots_are_told() {
    let text = |roots: &str| {
        format!(
            "nodes a.execution b.execution\nblock x1 g\nblock x2 x1\nblock y2 x1\n{roots}\n1 a.execution b.execution head x1\n\
             2 a.execution head x2\n2 b.execution head y2\n9 ended complete"
        )
    };
    let fact = |roots: &str| {
        let facts = judge_one(&text(roots), When::AtEnd, agree()).facts;
        facts.into_iter().find(|fact| fact.starts_with("same parent"))
    };
    let told = fact("roots x2 s1 r1 21000\nroots y2 s2 r1 42000").unwrap();
    assert!(told.starts_with("same parent, other state root:"), "{told}");
    assert!(told.contains("receipts roots are equal; gas used 21000 and 42000"), "{told}");
    assert!(fact("roots x2 s1 r1 0\nroots y2 s1 r1 0").unwrap().contains("same state root"));
    assert_eq!(fact(""), None, "what was not told is not compared");
}
