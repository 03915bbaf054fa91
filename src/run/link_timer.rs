//! Swaps link tables at their instants, on a plain thread that does nothing else: a busy event loop, a slow disk or the
//! runtime's coarse timer must not make a partition late.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use tokio::sync::oneshot;

use crate::backend::Backend;
use crate::link::LinkTable;

/// One swap to come.
struct Job {
    due: Instant,
    table: Arc<LinkTable>,
    done: oneshot::Sender<Instant>,
}

/// The thread's other end. When it is dropped, a swap that is still to come is given up.
#[derive(Debug)]
pub(super) struct LinkTimer {
    jobs: SyncSender<Job>,
}

impl LinkTimer {
    /// Starts the thread.
    pub(super) fn start(backend: &Arc<Backend>) -> std::io::Result<Self> {
        let (jobs, received) = sync_channel(1);
        let backend = Arc::clone(backend);
        std::thread::Builder::new().name("link-timer".to_owned()).spawn(move || serve(&received, &backend))?;
        Ok(Self { jobs })
    }

    /// Swaps to this table when it is due. The receiver gives the instant after the swap; its sender is dropped if the
    /// thread has ended.
    pub(super) fn schedule(&self, due: Instant, table: Arc<LinkTable>) -> oneshot::Receiver<Instant> {
        let (done, applied) = oneshot::channel();
        // The next swap is scheduled after the one before it was applied, so there is always room for it.
        drop(self.jobs.try_send(Job { due, table, done }));
        applied
    }
}

fn serve(jobs: &Receiver<Job>, backend: &Backend) {
    let Ok(mut job) = jobs.recv() else { return };
    loop {
        match jobs.recv_timeout(job.due.saturating_duration_since(Instant::now())) {
            Ok(sooner) => job = sooner,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                let applied = backend.set_links(Arc::clone(&job.table));
                // Nobody waits for it any more if the run is ending.
                let _ = job.done.send(applied);
                match jobs.recv() {
                    Ok(next) => job = next,
                    Err(_) => return,
                }
            }
        }
    }
}
