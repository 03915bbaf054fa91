//! How fast the docker backend makes and starts containers, against a bare loop of API create and start with the same
//! image, the same kind of network and the best concurrency. `cargo bench --bench docker_start [-- ROUNDS]`.
//!
//! The image is made of this very program, which holds the bundled client as the real binary does: both loops start it
//! with the same arguments.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its findings")]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use bollard::Docker;
use bollard::models::{
    ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig, Ipam, IpamConfig, NetworkCreateRequest,
    NetworkingConfig,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use futures::StreamExt;
use splitbrain::action::{
    Attachment, Capability, ClientRef, ImageSource, NetworkName, NetworkSpec, NodeName, NodeProcess, Resources, RunId,
    Seeds, Support,
};
use splitbrain::backend::docker::{self, DockerBackend, NetworkRequest};
use splitbrain::backend::{Backend, BackendError, LogSink, Progress, RunSetup, WireSetup};
use splitbrain::link::LinkTable;
use tokio::sync::{Semaphore, mpsc};

const CONTAINERS: u16 = 40;
const BAR: f64 = 1.10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "node") {
        return splitbrain::cli::main(std::env::args_os());
    }
    let rounds = arguments.iter().find_map(|word| word.parse().ok()).unwrap_or(5);
    let measured =
        tokio::runtime::Runtime::new().map_err(Into::into).and_then(|runtime| runtime.block_on(measure(rounds)));
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The command line of one node: the bundled client, long before the genesis of its chain.
fn command(index: u16, address: Ipv4Addr) -> Vec<String> {
    const GENESIS: u64 = 4_102_444_800; // 2100
    vec![
        "splitbrain".to_owned(),
        "node".to_owned(),
        "--data=/splitbrain/data".to_owned(),
        format!("--name=node-{index}"),
        format!("--key={:064x}", index + 1),
        format!("--listen-address={address}"),
        format!("--genesis-time={GENESIS}"),
        format!("--validators={CONTAINERS}"),
        format!("--validator-indices={index}"),
    ]
}

async fn measure(rounds: usize) -> Result<()> {
    let able = DockerBackend::capabilities().await;
    if let Some(Support::No { why, .. }) = able.support.get(&Capability::Processes) {
        eprintln!("SKIPPED: {why}");
        return Ok(());
    }
    let builtin = (ClientRef::from("bench".to_owned()), ImageSource::Builtin);
    let built = docker::build_images(&[builtin], &quiet()).await.map_err(told)?;
    let image = built.into_iter().next().context("one result for one request")?.map_err(told)?.image;
    let engine = Docker::connect_with_defaults()?.negotiate_version().await?;

    common::print_machine();
    println!("engine    {}, {CONTAINERS} containers, {rounds} rounds", able.engine);
    // In turns, and the median of each: one slow minute of the engine must not choose the floor.
    let mut tried: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for _ in 0..3 {
        for concurrency in [2, 4, 8, 16] {
            tried.entry(concurrency).or_default().push(bare(&engine, &image, concurrency).await?);
        }
    }
    let mut best = (f64::MAX, 1);
    for (concurrency, times) in tried {
        report(&format!("bare loop, {concurrency:2} at a time"), &times);
        let median = common::median(times);
        if median < best.0 {
            best = (median, concurrency);
        }
    }
    let (mut floor, mut ours, mut wired) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let before = bare(&engine, &image, best.1).await?;
        ours.push(through_the_backend(false).await?);
        if able.has(Capability::Wire) {
            wired.push(through_the_backend(true).await?);
        }
        floor.push(f64::midpoint(before, bare(&engine, &image, best.1).await?));
    }
    report(&format!("bare loop, {} at a time", best.1), &floor);
    report("our backend", &ours);
    let ratio = against("our backend", &ours, &floor);
    if !wired.is_empty() {
        report("our backend with the wire", &wired);
        against("our backend with the wire", &wired, &floor);
    }
    println!("bar {BAR:.2}: {}", common::verdict(ratio <= BAR));
    Ok(())
}

fn report(what: &str, times: &[f64]) {
    let median = common::median(times.to_vec());
    let rate = f64::from(CONTAINERS) / median;
    println!("{what}: median {median:.2} s ({}), {rate:.1} a second", ends(times));
}

/// The median of the ratios of each round, to the mean of the bare loop before and after: an engine is a third slower in
/// one minute than in the next, and the times of one round were taken close together.
fn against(what: &str, times: &[f64], floor: &[f64]) -> f64 {
    let ratios: Vec<f64> = times.iter().zip(floor).map(|(time, floor)| time / floor).collect();
    let median = common::median(ratios.clone());
    println!("{what} against the bare loop of the same round: median ratio {median:.3} ({})", ends(&ratios));
    median
}

fn ends(values: &[f64]) -> String {
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), &value| (low.min(value), high.max(value)));
    format!("from {low:.2} to {high:.2}")
}

fn quiet() -> Progress {
    Progress(Arc::new(|_| ()))
}

fn told(error: BackendError) -> anyhow::Error {
    anyhow!("{error}: {}", error.source.as_ref().map(ToString::to_string).unwrap_or_default())
}

/// Seconds that create and start take by the bare API. The network is made before and everything is removed after.
async fn bare(engine: &Docker, image: &str, concurrency: usize) -> Result<f64> {
    let run = RunId::new(format!("b{}", std::process::id()));
    let free = docker::free_subnets(1, 16).await.map_err(told)?;
    let (subnet, prefix) = *free.first().context("a free range")?;
    let name = format!("splitbrain-bench-{run}");
    let config = IpamConfig { subnet: Some(format!("{subnet}/{prefix}")), ..IpamConfig::default() };
    let request = NetworkCreateRequest {
        name: name.clone(),
        internal: Some(true),
        ipam: Some(Ipam { driver: Some("default".to_owned()), config: Some(vec![config]), ..Ipam::default() }),
        ..NetworkCreateRequest::default()
    };
    engine.create_network(request).await?;
    let begin = Instant::now();
    // All are waited for, also after a failure: a container that is removed while it starts can leave its endpoint behind
    // in engines 20.10, and the network with it.
    let started: Vec<Result<String>> = futures::stream::iter(0..CONTAINERS)
        .map(|index| {
            let (name, address) = (name.clone(), Ipv4Addr::from(u32::from(subnet) + 10 + u32::from(index)));
            async move {
                let body = bare_body(image, &name, index, address);
                let options = CreateContainerOptionsBuilder::new().name(&format!("{name}-{index}")).build();
                let id = engine.create_container(Some(options), body).await?.id;
                engine.start_container(&id, None).await?;
                anyhow::Ok(id)
            }
        })
        .buffer_unordered(concurrency)
        .collect()
        .await;
    let took = begin.elapsed().as_secs_f64();
    futures::stream::iter(0..CONTAINERS)
        .map(|index| {
            let name = format!("{name}-{index}");
            async move {
                let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                engine.remove_container(&name, Some(options)).await
            }
        })
        .buffer_unordered(8)
        .collect::<Vec<_>>()
        .await;
    let removed = engine.remove_network(&name).await;
    started.into_iter().collect::<Result<Vec<_>>>()?;
    removed?;
    Ok(took)
}

fn bare_body(image: &str, network: &str, index: u16, address: Ipv4Addr) -> ContainerCreateBody {
    let command = command(index, address);
    let endpoint = EndpointSettings {
        ipam_config: Some(EndpointIpamConfig {
            ipv4_address: Some(address.to_string()),
            ..EndpointIpamConfig::default()
        }),
        ..EndpointSettings::default()
    };
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(command[..1].to_vec()),
        cmd: Some(command[1..].to_vec()),
        host_config: Some(HostConfig { network_mode: Some(network.to_owned()), ..HostConfig::default() }),
        networking_config: Some(NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    }
}

/// Seconds that create and start take through the backend, with labels, files, data volumes, logs and addresses.
async fn through_the_backend(wire: bool) -> Result<f64> {
    let run = RunId::new(format!("b{}", std::process::id()));
    let main = NetworkName::new("main");
    let requests = [NetworkRequest { name: main.clone(), internet: false }];
    let reserved = docker::reserve(&run, "bench", &requests).await.map_err(told)?;
    let (subnet, prefix) = *reserved.subnets().first().context("one range for one request")?;
    let nodes: Vec<Arc<NodeProcess>> = (0..CONTAINERS).map(|index| Arc::new(node(index, &main, subnet))).collect();
    let folder = tempfile::tempdir()?;
    let (events, mut heard) = mpsc::channel(64);
    let listening = tokio::spawn(async move { while heard.recv().await.is_some() {} });
    let table = Arc::new(LinkTable::compile(CONTAINERS, &[]));
    let setup = RunSetup {
        run,
        scenario: "bench".to_owned(),
        networks: vec![NetworkSpec {
            name: main,
            subnet,
            prefix,
            gateway: Ipv4Addr::from(u32::from(subnet) + 1),
            internet: false,
        }],
        nodes: nodes.clone(),
        wire: wire.then(|| WireSetup { seeds: Seeds::root(1), table }),
        logs: LogSink::new(folder.path(), Arc::new(|_, _| ())),
        events,
        state: folder.path().to_owned(),
        progress: quiet(),
    };
    let backend = Backend::Docker(DockerBackend::prepare(setup).await.map_err(told)?);
    let begin = Instant::now();
    // One after the other for each node, all nodes side by side within the backend's own bounds: as the engine of a run does.
    let starts = Semaphore::new(backend.concurrent_starts());
    let started = futures::future::join_all(nodes.iter().map(|node| async {
        let _permit = starts.acquire().await;
        backend.create(&node.name).await?;
        backend.start(&node.name).await
    }))
    .await;
    let started: Result<Vec<()>, BackendError> = started.into_iter().collect();
    let took = begin.elapsed().as_secs_f64();
    let errors = backend.teardown().await;
    listening.abort();
    started.map_err(told)?;
    match errors.into_iter().next() {
        Some(error) => Err(told(error)),
        None => Ok(took),
    }
}

fn node(index: u16, network: &NetworkName, subnet: Ipv4Addr) -> NodeProcess {
    let address = Ipv4Addr::from(u32::from(subnet) + 10 + u32::from(index));
    NodeProcess {
        name: NodeName::new(format!("node-{index}")),
        index,
        client: ClientRef::from("bench".to_owned()),
        image: Some(ImageSource::Builtin),
        program: None,
        init: Vec::new(),
        command: command(index, address),
        env: BTreeMap::new(),
        // The bundled client has none.
        files: Vec::new(),
        data: "/splitbrain/data".to_owned(),
        attachments: vec![Attachment { network: network.clone(), address }],
        ports: BTreeMap::new(),
        resources: Resources::default(),
    }
}
