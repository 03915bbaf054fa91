//! Calls to nodes that the timeline and expectations want. Each is a task of its own, beside the workers: a node that does
//! not answer must not hold up a fault that hits it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::answers::Answers;
use super::inspection::Job;
use super::nodes::Report;
use crate::action::{Action, NodeName, RpcSpec};
use crate::journal::What;
use crate::observe::json_rpc::RpcError;
use crate::observe::{self, Dial};
use crate::plan::Question;

/// How long a call of the timeline may take.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// How long a question may take: less than the time to its next round.
const ASK_WITHIN: Duration = Duration::from_secs(4);

/// The calls under way.
pub(super) struct Calls {
    dial: Arc<dyn Dial>,
    reports: mpsc::Sender<Report>,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

/// One call: who wants it, and what.
#[derive(Clone, Debug)]
struct Call {
    asked_by: String,
    node: NodeName,
    rpc: RpcSpec,
    method: String,
    params: Value,
    height: Option<u64>,
}

impl Calls {
    pub(super) fn new(dial: &Arc<dyn Dial>, reports: &mpsc::Sender<Report>, cancel: &CancellationToken) -> Self {
        Self { dial: Arc::clone(dial), reports: reports.clone(), cancel: cancel.clone(), tasks: JoinSet::new() }
    }

    /// Makes a call of the timeline; other actions are not for here. A call that names an answer which is not there is not
    /// made, and reported as that.
    pub(super) fn send(&mut self, step: usize, part: usize, action: Action, answers: &Answers) {
        let Action::Call { node, asked_by, rpc, method, params } = action else { return };
        let params = match answers.fill(&params) {
            Ok(params) => params,
            Err(why) => {
                let (asked_by, error) = (asked_by.to_string(), Some(why));
                let answer = What::Called { asked_by, node, method, height: None, result: None, error, refused: false };
                self.spawn(async move { Report::Called { step, part, at: Instant::now(), answer } });
                return;
            }
        };
        let call = Call { asked_by: asked_by.to_string(), node, rpc, method, params, height: None };
        let dial = Arc::clone(&self.dial);
        self.spawn(async move {
            let at = Instant::now();
            let answer = call.make(&dial, SEND_WITHIN).await;
            Report::Called { step, part, at, answer }
        });
    }

    /// Asks all nodes of a question at once, and reports all answers at once.
    pub(super) fn ask(&mut self, question: &Question, height: Option<u64>, params: &Value) {
        let calls: Vec<Call> = question
            .nodes
            .iter()
            .map(|(node, rpc)| Call {
                asked_by: question.key.clone(),
                node: node.clone(),
                rpc: rpc.clone(),
                method: question.method.clone(),
                params: params.clone(),
                height,
            })
            .collect();
        let dial = Arc::clone(&self.dial);
        self.spawn(async move {
            let answers = join_all(calls.into_iter().map(|call| {
                let dial = Arc::clone(&dial);
                async move { call.make(&dial, ASK_WITHIN).await }
            }));
            Report::Answers { answers: answers.await }
        });
    }

    /// Has nodes asked about the blocks in which their chains parted.
    pub(super) fn inspect(&mut self, job: Job) {
        let dial = Arc::clone(&self.dial);
        self.spawn(async move { Report::Inspected { told: job.carry_out(dial).await } });
    }

    fn spawn(&mut self, work: impl Future<Output = Report> + Send + 'static) {
        // Those that have ended make room.
        while self.tasks.try_join_next().is_some() {}
        let (reports, cancel) = (self.reports.clone(), self.cancel.clone());
        self.tasks.spawn(async move {
            let Some(report) = cancel.run_until_cancelled(work).await else { return };
            // A closed channel means that the run is ending.
            let _ = reports.send(report).await;
        });
    }

    /// Waits until all calls have ended, after their token was cancelled.
    pub(super) async fn join(mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Call {
    /// One attempt: what was sent once is never sent again, and what is late is told as late.
    async fn make(self, dial: &Arc<dyn Dial>, within: Duration) -> What {
        let Self { asked_by, node, rpc, method, params, height } = self;
        let (result, error, refused) = match observe::call_once(dial, &node, &rpc, &method, &params, within).await {
            Ok(result) => (Some(result), None, false),
            Err(error) => (None, Some(error.to_string()), matches!(error, RpcError::Refused { .. })),
        };
        What::Called { asked_by, node, method, height, result, error, refused }
    }
}

/// A question that could not be asked, in the form of its answers.
pub(super) fn unasked(question: &Question, why: &str) -> Vec<What> {
    let unasked = question.nodes.iter().map(|(node, _)| What::Called {
        asked_by: question.key.clone(),
        node: node.clone(),
        method: question.method.clone(),
        height: None,
        result: None,
        error: Some(why.to_owned()),
        refused: false,
    });
    unasked.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::stub::{Reply, Stub};

    #[tokio::test]
    async fn a_call_that_names_an_answer_which_is_not_there_is_not_sent() {
        let stub =
            Stub::start(|asked| Reply::json(&json!({"jsonrpc": "2.0", "id": 1, "result": asked.body["params"]}))).await;
        let (sender, mut reports) = mpsc::channel(8);
        let mut calls = Calls::new(&stub.dialler(), &sender, &CancellationToken::new());
        let call = |params: Value| Action::Call {
            node: "a".into(),
            asked_by: "look".into(),
            rpc: RpcSpec::at(8545),
            method: "eth_getTransactionByHash".to_owned(),
            params,
        };
        calls.send(3, 0, call(json!(["{pay.answer}"])), &Answers::default());
        let Some(Report::Called {
            step: 3,
            answer: What::Called { result: None, error: Some(error), refused, .. },
            ..
        }) = reports.recv().await
        else {
            panic!("told as not answered")
        };
        assert_eq!(error, "not sent: pay was not answered yet, so {pay.answer} has no value");
        assert!(!refused, "nobody refused it");
        assert!(stub.asked().is_empty(), "nothing was sent");
        calls.send(4, 0, call(json!(["0x1"])), &Answers::default());
        let Some(Report::Called { step: 4, answer: What::Called { result, .. }, .. }) = reports.recv().await else {
            panic!("answered")
        };
        assert_eq!(result, Some(json!(["0x1"])));
    }
}
