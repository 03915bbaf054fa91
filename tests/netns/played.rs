//! What this program does when it is started as a node, or as an orchestrator that is to be killed.

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// First argument of a copy of this program that plays a part.
pub(crate) const PART: &str = "play";

/// Port on which the echo node answers, by UDP and TCP.
pub(crate) const PORT: u16 = 4000;

/// Plays the part that the arguments name; `None` if they name none.
pub(crate) fn play() -> Option<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ["play", part @ ..] = &words[..] else { return None };
    let played = match part {
        ["echo"] => echo(),
        ["exit", code] => {
            println!("leaving");
            return Some(ExitCode::from(code.parse::<u8>().unwrap_or(1)));
        }
        ["append", file, text] => append(file, text),
        ["family"] => family(),
        ["breeder"] => breeder(),
        ["daemon"] => daemon(),
        ["hog"] => hog(),
        ["eat", bytes] => eat(bytes),
        ["look", neighbour] => look(neighbour),
        ["clean", run] => super::native::clean_in_here(run),
        ["orchestrate", part] => super::native::orchestrate(part),
        ["stubborn"] => stubborn(),
        ["wait"] => wait(),
        other => Err(anyhow::anyhow!("there is no part {other:?}")),
    };
    Some(match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    })
}

/// Answers every packet with the sender's address before it, and every connection with one word.
fn echo() -> anyhow::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", PORT))?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = (&stream).write_all(b"hello");
        }
    });
    let socket = UdpSocket::bind(("0.0.0.0", PORT))?;
    println!("ready");
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer)?;
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        // `ask ADDRESS` sends a packet to another node and returns what that one says.
        let answer = match text.split_once(' ') {
            Some(("ask", address)) => ask(address).unwrap_or_else(|error| format!("no answer: {error}")),
            _ => format!("{} {text}", from.ip()),
        };
        socket.send_to(answer.as_bytes(), from)?;
    }
}

fn ask(address: &str) -> anyhow::Result<String> {
    let socket = UdpSocket::bind(("0.0.0.0", 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(300)))?;
    socket.send_to(b"hi", (address, PORT))?;
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

fn append(file: &str, text: &str) -> anyhow::Result<()> {
    std::fs::File::options().create(true).append(true).open(file)?.write_all(text.as_bytes())?;
    Ok(())
}

/// A process with a child that would outlive it.
fn family() -> anyhow::Result<()> {
    let child = Command::new(std::env::current_exe()?).args([PART, "wait"]).spawn()?;
    println!("child {}", child.id());
    wait()
}

/// Starts a daemon every 10 ms, which has a session of its own and nothing in its environment.
fn breeder() -> anyhow::Result<()> {
    loop {
        drop(Command::new(std::env::current_exe()?).args([PART, "daemon"]).env_clear().spawn()?);
        println!("bred");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

fn daemon() -> anyhow::Result<()> {
    nix::unistd::setsid()?;
    append("data/born", ".")?;
    wait()
}

/// Starts a helper at once that takes more memory than there is, and goes on without it.
fn hog() -> anyhow::Result<()> {
    let mut helper = Command::new(std::env::current_exe()?).args([PART, "eat", "200000000"]).spawn()?;
    println!("the helper ended: {}", helper.wait()?);
    wait()
}

fn eat(bytes: &str) -> anyhow::Result<()> {
    let eaten = vec![1_u8; bytes.parse()?];
    println!("ate {}", eaten.iter().map(|byte| usize::from(*byte)).sum::<usize>());
    wait()
}

/// Says what it sees of the machine's files and of the other nodes.
fn look(neighbour: &str) -> anyhow::Result<()> {
    for folder in ["/tmp", "/var/tmp", "/dev/shm"] {
        let lock = std::fs::File::create_new(format!("{folder}/splitbrain-netns.lock"));
        println!("lock in {folder}: {}", lock.is_ok());
    }
    let written = std::fs::write(format!("{neighbour}/stranger"), "x");
    println!("neighbour: {}", written.is_ok());
    println!("self: {}", std::fs::write("data/mine", "x").is_ok());
    for name in ["node-0", "node-1", "node-2", "localhost"] {
        let found = std::net::ToSocketAddrs::to_socket_addrs(&(name, 1));
        let found = found.ok().and_then(|mut found| found.find(std::net::SocketAddr::is_ipv4));
        println!("{name}: {}", found.map_or_else(|| "nobody".to_owned(), |found| found.ip().to_string()));
    }
    println!("looked");
    wait()
}

/// Does not end at SIGTERM: its threads all block it.
fn stubborn() -> anyhow::Result<()> {
    use nix::sys::signal::{SigSet, Signal};
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.thread_block()?;
    println!("ready");
    wait()
}

/// Until it is killed. A pipe whose writer is held open never has anything to read.
fn wait() -> anyhow::Result<()> {
    let (mut reader, writer) = std::io::pipe()?;
    reader.read_exact(&mut [0])?;
    drop(writer);
    Ok(())
}
