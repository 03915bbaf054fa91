//! Nodes' output, from the engine's attach stream to the log sink.
//!
//! The stream is attached before a container starts and ends with it, once for each start. So nothing is lost, nothing
//! comes twice after a restart, and it does not matter which log driver the engine uses.

use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::{AttachContainerOptionsBuilder, LogsOptionsBuilder};
use futures::StreamExt;
use tokio::task::JoinHandle;

use super::super::{LONGEST_LINE, LogSink, LogStream};
use super::client::Engine;
use crate::action::NodeName;

/// Longest piece of a line that waits for its end; a longer line goes on in pieces, between which lines of the other stream
/// may come.
const LONGEST_PIECE: usize = LONGEST_LINE;

/// So many lines of an init command's output are kept.
const INIT_LINES: &str = "200";

/// How long the output of a container that has ended may take.
const TAIL_TIMEOUT: Duration = Duration::from_secs(20);

/// Attaches to a container that is about to start; the task ends when the container does.
pub(super) async fn attach(
    engine: &Engine,
    container: &str,
    node: &NodeName,
    sink: &LogSink,
) -> Result<JoinHandle<()>, bollard::errors::Error> {
    let options = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
    let mut output = engine.docker.attach_container(container, Some(options)).await?.output;
    let (node, sink) = (node.clone(), sink.clone());
    Ok(tokio::spawn(async move {
        let (mut out, mut err) = (Lines::default(), Lines::default());
        while let Some(Ok(piece)) = output.next().await {
            match piece {
                LogOutput::StdErr { message } => write(&sink, &node, LogStream::Errors, &err.take_up(&message)),
                LogOutput::StdOut { message } | LogOutput::Console { message } | LogOutput::StdIn { message } => {
                    write(&sink, &node, LogStream::Output, &out.take_up(&message));
                }
            }
        }
        write(&sink, &node, LogStream::Output, &out.finish());
        write(&sink, &node, LogStream::Errors, &err.finish());
        if let Err(error) = sink.end(&node) {
            tracing::warn!(%node, %error, "a node's log cannot be written");
        }
    }))
}

fn write(sink: &LogSink, node: &NodeName, stream: LogStream, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if let Err(error) = sink.write(node, stream, bytes) {
        tracing::warn!(%node, %error, "a node's log cannot be written");
    }
}

/// Holds back the beginning of a line until its end comes, so that the two streams do not break each other's lines.
#[derive(Default)]
struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    fn take_up(&mut self, bytes: &[u8]) -> Vec<u8> {
        let end = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut complete = Vec::new();
        if end > 0 || self.begun.len() + bytes.len() > LONGEST_PIECE {
            complete.append(&mut self.begun);
            complete.extend_from_slice(&bytes[..end]);
        }
        self.begun.extend_from_slice(&bytes[end..]);
        complete
    }

    /// What is left when the stream ends; the line gets the end that it lacks.
    fn finish(mut self) -> Vec<u8> {
        if !self.begun.is_empty() {
            self.begun.push(b'\n');
        }
        self.begun
    }
}

/// The last lines of a container that has ended: what it said on standard output, then what it said on standard error,
/// where the reason of a failure stands. Their common order is not kept by the engine.
pub(super) async fn last_lines(engine: &Engine, container: &str) -> String {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(INIT_LINES).build();
    let mut output = engine.docker.logs(container, Some(options));
    let (mut text, mut errors) = (Vec::new(), Vec::new());
    let reading = async {
        while let Some(Ok(piece)) = output.next().await {
            let part = if matches!(piece, LogOutput::StdErr { .. }) { &mut errors } else { &mut text };
            part.extend_from_slice(piece.as_ref());
        }
    };
    // An engine with another log driver has nothing to read back: what came until then is what is known.
    let _ = tokio::time::timeout(TAIL_TIMEOUT, reading).await;
    if !text.is_empty() && !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.append(&mut errors);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_leave_only_when_they_are_complete() {
        let mut lines = Lines::default();
        assert_eq!(lines.take_up(b"one\ntwo\nthr"), b"one\ntwo\n");
        assert_eq!(lines.take_up(b"e"), b"");
        assert_eq!(lines.take_up(b"e\n"), b"three\n");
        assert_eq!(lines.take_up(b"rest"), b"");
        assert_eq!(lines.finish(), b"rest\n");
    }

    #[test]
    fn a_line_without_end_does_not_grow_for_ever() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; 40 * 1024];
        let sent: usize = (0..100).map(|_| lines.take_up(&piece).len()).sum();
        assert!(lines.begun.len() <= LONGEST_PIECE);
        assert_eq!(sent + lines.finish().len(), 100 * piece.len() + 1);
    }
}
