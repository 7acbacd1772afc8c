//! The scenarios, each a figure or two: see `bench/data/scenarios.mjs` for what they mean.

use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bench_data::Client;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// What may go wrong.
pub(crate) type Trouble = Box<dyn std::error::Error>;

/// How long an answer of a server may take.
const ANSWER_MS_MAX: u64 = 30_000;

pub(crate) fn main() -> Result<(), Trouble> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, count, rest @ ..] = args.as_slice() else {
        return Err("usage: bench-data SCENARIO COUNT [PORT]".into());
    };
    let count: usize = count.parse()?;
    let port = rest.first().map_or(Ok(0), |port| port.parse())?;
    let figures = match scenario.as_str() {
        "distinct" | "same" => write(scenario, "comap", count)?,
        "push" => write(scenario, "costream", count)?,
        "append" => write(scenario, "colist", count)?,
        "transfer" => transfer(count, port)?,
        "live" => live(count, port)?,
        "open" => open(count)?,
        "memory" => memory()?,
        other => return Err(format!("no such scenario: {other}").into()),
    };
    println!("{figures}");
    Ok(())
}

fn client(seed: u8) -> Result<Client, Trouble> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Client::new(seed, u64::try_from(now.as_millis())?)?)
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}

/// What this thread has had of a processor, so that it matters little what else the machine does; where the system does
/// not tell, the time of day.
fn worked_seconds() -> Result<f64, Trouble> {
    let Ok(told) = std::fs::read_to_string("/proc/thread-self/schedstat") else {
        return Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64());
    };
    let nanoseconds = told.split(' ').next().map(str::parse::<f64>);
    Ok(nanoseconds.ok_or("an empty schedstat")?? / 1e9)
}

fn write(work: &str, value_type: &str, count: usize) -> Result<Value, Trouble> {
    let mut client = client(1)?;
    let value = client.create(value_type)?;
    let begun = worked_seconds()?;
    client.work(work, &value, count)?;
    client.settle();
    Ok(json!({ "seconds": worked_seconds()? - begun }))
}

/// A client with its socket.
struct Online {
    client: Client,
    socket: WebSocket<TcpStream>,
}

impl Online {
    fn new(seed: u8, port: u16) -> Result<Self, Trouble> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_millis(ANSWER_MS_MAX)))?;
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}/sync"), stream)?;
        let mut online = Self {
            client: client(seed)?,
            socket,
        };
        online.client.connect();
        online.until(|client| client.is_synced())?;
        Ok(online)
    }

    fn send(&mut self) -> Result<(), Trouble> {
        for frame in self.client.take_outgoing() {
            self.socket.send(Message::text(frame))?;
        }
        Ok(())
    }

    /// Who waits for what came is told first; storing and acknowledging it comes after.
    fn go_on(&mut self) -> Result<(), Trouble> {
        self.client.settle();
        self.send()
    }

    fn until(&mut self, is_done: impl Fn(&mut Client) -> bool) -> Result<(), Trouble> {
        self.go_on()?;
        while !is_done(&mut self.client) {
            if let Message::Text(text) = self.socket.read()? {
                self.client.receive(text.as_str());
                if is_done(&mut self.client) {
                    break;
                }
                self.go_on()?;
            }
        }
        Ok(())
    }
}

fn transfer(count: usize, port: u16) -> Result<Value, Trouble> {
    let mut writer = Online::new(1, port)?;
    let begun = Instant::now();
    let value = writer.client.create("comap")?;
    writer.client.work("distinct", &value, count)?;
    writer.client.settle();
    writer.until(|client| client.is_synced())?;
    let upload = seconds(begun);
    let mut reader = Online::new(2, port)?;
    let begun = Instant::now();
    reader.client.load(&value)?;
    reader.until(|client| client.shown(&value).is_ok_and(|shown| shown == count))?;
    Ok(json!({ "upload": upload, "download": seconds(begun) }))
}

fn live(count: usize, port: u16) -> Result<Value, Trouble> {
    let (mut writer, mut reader) = (Online::new(3, port)?, Online::new(4, port)?);
    let value = writer.client.create("comap")?;
    writer.client.work("same", &value, 1)?;
    writer.client.settle();
    writer.until(|client| client.is_synced())?;
    reader.client.load(&value)?;
    reader.until(|client| client.shown(&value).is_ok_and(|shown| shown == 1))?;
    let mut times = Vec::new();
    for round in 0..count {
        let wanted = format!("key {round}");
        let begun = Instant::now();
        writer.client.set_text(&value, &wanted, "now")?;
        writer.client.settle();
        writer.send()?;
        reader.until(|client| matches!(client.get(&value, &wanted), Ok(Some(_))))?;
        times.push(seconds(begun) * 1_000.0);
        reader.go_on()?;
        writer.until(|client| client.is_synced())?;
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied();
    Ok(json!({ "p50": at(50), "p95": at(95) }))
}

fn open(count: usize) -> Result<Value, Trouble> {
    let mut writer = client(1)?;
    let value = writer.create("comap")?;
    writer.work("distinct", &value, count)?;
    writer.settle();
    let group = writer.owner(&value)?;
    let account = writer.account();
    let text = writer.stored_text(&[&account, &group, &value])?;
    drop(writer);
    let file = std::env::temp_dir().join(format!("bench-data-{}", std::process::id()));
    std::fs::write(&file, text)?;
    let mut reader = client(2)?;
    let begun = worked_seconds()?;
    reader.put_stored(&std::fs::read_to_string(&file)?);
    for id in [&account, &group, &value] {
        reader.load(id)?;
    }
    let shown = reader.shown(&value)?;
    let taken = worked_seconds()? - begun;
    std::fs::remove_file(&file)?;
    if shown != count {
        return Err(format!("{shown} of {count} are shown").into());
    }
    Ok(json!({ "seconds": taken }))
}

/// Some 43,000 transactions in values of each kind.
fn memory() -> Result<Value, Trouble> {
    let before = resident_bytes()?;
    let mut client = client(1)?;
    client.create_maps(1_000)?;
    for (work, value_type, count) in [
        ("distinct", "comap", 20_000),
        ("same", "comap", 10_000),
        ("push", "costream", 10_000),
        ("append", "colist", 2_000),
    ] {
        let value = client.create(value_type)?;
        client.work(work, &value, count)?;
        client.settle();
    }
    let after = resident_bytes()?;
    Ok(json!({ "resident": after, "grown": after - before }))
}

fn resident_bytes() -> Result<u64, Trouble> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kilobytes.ok_or("no VmRSS")?.parse::<u64>()? * 1_024)
}
