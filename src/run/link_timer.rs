//! Swaps link tables at their instants, on a plain thread that does nothing else: a busy event loop, a slow disk or the
//! runtime's coarse timer must not make a partition late.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Instant;

use tokio::sync::oneshot;

use super::nodes::describe;
use crate::backend::{Backend, BackendError};
use crate::link::LinkTable;

/// The instant after a swap, or why there was none.
pub(super) type Swapped = Result<Instant, String>;

/// One swap to come.
struct Job {
    due: Instant,
    table: Arc<LinkTable>,
    done: oneshot::Sender<Swapped>,
}

/// The thread's other end. When it is dropped, a swap that is still to come is given up.
#[derive(Debug)]
pub(super) struct LinkTimer {
    jobs: SyncSender<Job>,
}

impl LinkTimer {
    /// Starts the thread.
    pub(super) fn start(backend: &Arc<Backend>) -> std::io::Result<Self> {
        let backend = Arc::clone(backend);
        Self::with(move |table| backend.set_links(table))
    }

    fn with(swap: impl Fn(Arc<LinkTable>) -> Result<Instant, BackendError> + Send + 'static) -> std::io::Result<Self> {
        let (jobs, received) = sync_channel(1);
        std::thread::Builder::new().name("link-timer".to_owned()).spawn(move || serve(&received, swap))?;
        Ok(Self { jobs })
    }

    /// Swaps to this table when it is due. The receiver gives what came of it; its sender is dropped if the thread has
    /// ended.
    pub(super) fn schedule(&self, due: Instant, table: Arc<LinkTable>) -> oneshot::Receiver<Swapped> {
        let (done, applied) = oneshot::channel();
        // The next swap is scheduled after the one before it was applied, so there is always room for it.
        if let Err(error) = self.jobs.try_send(Job { due, table, done }) {
            let (job, why) = match error {
                TrySendError::Full(job) => (job, "the thread that swaps links is behind"),
                TrySendError::Disconnected(job) => (job, "the thread that swaps links has ended"),
            };
            // Whoever waits for it holds the receiver.
            let _ = job.done.send(Err(why.to_owned()));
        }
        applied
    }
}

fn serve(jobs: &Receiver<Job>, swap: impl Fn(Arc<LinkTable>) -> Result<Instant, BackendError>) {
    let Ok(mut job) = jobs.recv() else { return };
    loop {
        match jobs.recv_timeout(job.due.saturating_duration_since(Instant::now())) {
            // A swap that is given up for another one is not told as done: its sender goes.
            Ok(sooner) => job = sooner,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let swapped = swap(Arc::clone(&job.table)).map_err(|error| describe(&error));
                // Nobody waits for it any more if the run is ending.
                let _ = job.done.send(swapped);
                match jobs.recv() {
                    Ok(next) => job = next,
                    Err(_) => return,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Arc<LinkTable> {
        Arc::new(LinkTable::compile(2, []))
    }

    #[test]
    fn a_swap_that_fails_is_told_with_its_reason() {
        let timer = LinkTimer::with(|_| Err(BackendError::new("cannot change links", "nobody carries packets")));
        let timer = timer.expect("a thread");
        let swapped = timer.schedule(Instant::now(), table()).blocking_recv().expect("told");
        assert_eq!(swapped, Err("cannot change links: nobody carries packets".to_owned()));
    }

    #[test]
    fn a_thread_that_is_gone_applies_nothing() {
        let timer = LinkTimer::with(|_| panic!("a broken backend")).expect("a thread");
        timer.schedule(Instant::now(), table()).blocking_recv().expect_err("the thread ended in the middle");
        // The channel closes a moment later than the sender of the job.
        let deadline = Instant::now() + std::time::Duration::from_secs(10);
        loop {
            match timer.schedule(Instant::now(), table()).blocking_recv() {
                Ok(Err(why)) => return assert!(why.contains("has ended") || why.contains("is behind"), "{why}"),
                Ok(Ok(_)) => panic!("nobody swapped anything"),
                Err(_) => assert!(Instant::now() < deadline, "a job that nobody takes is told as one"),
            }
        }
    }

    #[test]
    fn a_swap_is_applied_at_its_instant() {
        let timer = LinkTimer::with(|_| Ok(Instant::now())).expect("a thread");
        let due = Instant::now() + std::time::Duration::from_millis(30);
        let swapped = timer.schedule(due, table()).blocking_recv().expect("told");
        assert!(swapped.expect("swapped") >= due);
    }
}
