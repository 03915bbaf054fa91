//! Whether the orchestrator's memory stays flat: eight nodes, a whole engine, and a journal that is written many times
//! faster than a real one, so that a minute here holds hours of events.
//!
//! Bar: less than 10 MiB of growth after the first sixth of the run, with at least as many events as an hour of eight
//! bundled nodes at 1 s slots gives (about 20 a second). The nodes are this program itself: an HTTP server whose head
//! moves on every few milliseconds, read through the `http_json` adapter.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::verdict;
use splitbrain::action::{ClientRef, RunId};
use splitbrain::backend::native::NativeBackend;
use splitbrain::client::ClientFolder;
use splitbrain::plan::{self, Surroundings};
use splitbrain::run::{Request, run};
use splitbrain::spec::{FileKind, Library, Overrides, ScenarioFile, read_scenario};
use splitbrain::text::Sources;

const SECONDS: u64 = 90;
const WARM_UP: u64 = SECONDS / 6;
/// A head lives so long; polls are as frequent.
const HEAD: Duration = Duration::from_millis(10);
/// Events of an hour of eight bundled nodes at 1 s slots.
const HOUR: u64 = 72_000;

const MANIFEST: &str = "
name: stub
roles: [validator]
native: {program: stub}
command: [stub, serve, '{port.http}']
ports: {http: 8080}
ready: {port: http, path: /head, within: 30s}
adapter:
  http_json:
    port: http
    height: {path: /head, pointer: /height}
    hash: {path: /head, pointer: /hash}
    parent_at: {path: '/block/{height}', pointer: /parent}
    hash_at: {path: '/block/{height}', pointer: /hash}
";

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().collect();
    if words.get(1).is_some_and(|word| word == "serve") {
        return serve(words[2].parse()?);
    }
    if !common::able() {
        return Ok(());
    }
    common::print_machine();
    let folder = tempfile::tempdir()?;
    let text = format!(
        "name: soak\nseed: 1\ntimeout: 10m\ntopology: {{name: eight, groups: {{n: {{count: 8, client: stub}}}}, \
         graph: mesh}}\nexpect: [{{at: {SECONDS}s, that: {{agree: {{on: head}}}}}}]\n"
    );
    let mut sources = Sources::new();
    let file = ScenarioFile { name: "soak.yaml".to_owned(), text };
    let (scenario, _) = read_scenario(&mut sources, &Stub, &file, &Overrides::default())
        .map_err(|mistakes| anyhow::anyhow!("{}", sources.render_all(&mistakes, false)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let journal = folder.path().join("events.jsonl");
    let (first, last) = runtime.block_on(async {
        let capabilities = NativeBackend::capabilities().await;
        let programs = BTreeMap::from([(ClientRef::from("stub".to_owned()), std::env::current_exe()?)]);
        let surroundings = Surroundings { programs, ..Surroundings::default() };
        let plan = plan::build(&scenario, &capabilities, &surroundings)
            .map_err(|mistakes| anyhow::anyhow!("{}", sources.render_all(&mistakes, false)))?;
        let (_interrupt, interrupts) = tokio::sync::watch::channel(0);
        for name in ["logs", "state"] {
            fs::create_dir(folder.path().join(name))?;
        }
        let request = Request {
            plan,
            run: RunId::new("soakbnch"),
            capabilities,
            started: String::new(),
            kernel: String::new(),
            journal: journal.clone(),
            ballast: None,
            log_limit: splitbrain::backend::LOG_LIMIT,
            logs: folder.path().join("logs"),
            state: folder.path().join("state"),
            log_patterns: Vec::new(),
            poll_interval: HEAD,
            keep: false,
            interrupts,
            progress: Arc::new(|_| {}),
        };
        let samples = async {
            let mut second = tokio::time::interval(Duration::from_secs(1));
            let (mut first, mut last) = (0, 0);
            for at in 0..SECONDS {
                second.tick().await;
                last = resident()?;
                if at <= WARM_UP {
                    first = last;
                }
            }
            Ok::<_, anyhow::Error>((first, last))
        };
        let (outcome, samples) = tokio::join!(run(request), samples);
        let outcome = outcome?;
        anyhow::ensure!(outcome.trouble.is_none(), "the run ended in trouble: {:?}", outcome.trouble);
        samples
    })?;
    let events = BufReader::new(fs::File::open(&journal)?).lines().count() as u64;
    let growth = last.saturating_sub(first) as f64 / (1024.0 * 1024.0);
    let hours = events as f64 / HOUR as f64;
    println!(
        "memory    {:.1} MiB resident after {WARM_UP} s, {:.1} MiB after {SECONDS} s: grew by {growth:.1} MiB over {events} \
         events ({hours:.1} hours of eight nodes); bar 10 MiB over at least one hour: {}",
        first as f64 / (1024.0 * 1024.0),
        last as f64 / (1024.0 * 1024.0),
        verdict(growth < 10.0 && events >= HOUR)
    );
    Ok(())
}

/// Resident bytes of this process.
fn resident() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// The one client there is.
struct Stub;

impl Library for Stub {
    fn topology(&self, _: &str) -> Option<(String, String)> {
        None
    }

    fn client(&self, name: &str) -> Option<ClientFolder> {
        (name == "stub").then(|| ClientFolder {
            name: name.to_owned(),
            manifest: ("clients/stub/client.yaml".to_owned(), MANIFEST.to_owned()),
            ..ClientFolder::default()
        })
    }

    fn names(&self, _: FileKind) -> Vec<String> {
        vec!["stub".to_owned()]
    }
}

/// A node: answers with a head that moves on with the clock, one thread for each connection.
fn serve(port: u16) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    let start = Instant::now();
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || answer(stream, start));
    }
    Ok(())
}

fn answer(stream: TcpStream, start: Instant) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let mut header = line.clone();
        while header.trim() != "" {
            header.clear();
            reader.read_line(&mut header)?;
        }
        let head = (start.elapsed().as_millis() / HEAD.as_millis()) as u64;
        let asked = line.split(' ').nth(1).and_then(|path| path.strip_prefix("/block/")?.parse().ok());
        let height: u64 = asked.unwrap_or(head);
        let hash = |height: u64| format!("0x{height:064x}");
        let body = format!(
            "{{\"height\":{height},\"hash\":\"{}\",\"parent\":\"{}\"}}",
            hash(height),
            hash(height.saturating_sub(1))
        );
        // One write: pieces would wait for each other's acknowledgement.
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        writer.write_all(answer.as_bytes())?;
    }
}
