//! What the server does, in numbers, as Prometheus reads them at `/metrics`.
//!
//! Everything that counts on the way of a message is an atomic that was looked up once, at start; what can be read off when
//! somebody asks (the queue of commands) or once a second (the outboxes) costs a message nothing. No label ever holds an
//! id or an address: their number is bounded by the code.

use std::fmt;
use std::time::Instant;

use cojson::sync::SyncMessage;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::refusals::Refusals;

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Latencies are sorted into this many buckets, each twice as long as the one before.
const BUCKETS: u16 = 16;
const VERIFY_SECONDS_LEAST: f64 = 0.000_02;
const STORAGE_SECONDS_LEAST: f64 = 0.000_1;

type Labels<const COUNT: usize> = [(&'static str, &'static str); COUNT];
type Counters<const COUNT: usize> = Family<Labels<COUNT>, Counter>;

/// All that is measured.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Clients that are connected now.
    pub connections: Gauge,
    /// Clients that ever were.
    pub connections_opened: Counter,
    /// What clients say.
    pub received: Traffic,
    /// What they are told.
    pub sent: Traffic,
    /// How long it takes to check content and take it in: of one message, or of all that waited for the same value.
    pub verify_seconds: Histogram,
    /// How many contents of sessions were checked.
    pub contents_checked: Counter,
    /// How long a commit takes that makes one batch or many durable.
    pub commit_seconds: Histogram,
    /// How long one read takes: of what is kept of a value, or of a piece of it.
    pub read_seconds: Histogram,
    /// Commands of all sockets that wait for the relay.
    pub commands_waiting: Gauge,
    /// What the relay asked of storage and has no answer to.
    pub asks_waiting: Gauge,
    /// Messages that wait in all outboxes.
    pub outbox_messages: Gauge,
    /// Messages that wait in the fullest outbox.
    pub outbox_messages_most: Gauge,
    /// Values in memory.
    pub cache_values: Gauge,
    /// What they take there.
    pub cache_bytes: Gauge,
    /// What they may take there.
    pub cache_bytes_max: Gauge,
    /// Values that were asked of storage.
    pub cache_misses: Counter,
}

/// What goes one way over all sockets.
#[derive(Debug)]
pub struct Traffic {
    load: Counter,
    known: Counter,
    content: Counter,
    reconcile: Counter,
    reconcile_ack: Counter,
    /// Bytes of frames, as they are on the wire.
    bytes: Counter,
    /// By how much deflated frames are shorter than their text.
    saved_bytes: Counter,
}

impl Traffic {
    /// Counts a message under its kind.
    pub fn count(&self, message: &SyncMessage) {
        let kind = match message {
            SyncMessage::Load(_) => &self.load,
            SyncMessage::Known(_) => &self.known,
            SyncMessage::Content(_) => &self.content,
            SyncMessage::Reconcile(_) => &self.reconcile,
            SyncMessage::ReconcileAck { .. } => &self.reconcile_ack,
        };
        kind.inc();
    }

    /// Counts a frame of text.
    pub fn count_text(&self, bytes: usize) {
        self.bytes.inc_by(bytes as u64);
    }

    /// Counts a deflated frame.
    pub fn count_deflated(&self, bytes: usize, text_bytes: usize) {
        self.bytes.inc_by(bytes as u64);
        let saved = text_bytes.saturating_sub(bytes);
        self.saved_bytes.inc_by(saved as u64);
    }
}

/// Holds a connection's place in the count of connections; dropping it gives the place back.
#[derive(Debug)]
pub struct Connected<'a>(&'a Metrics);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

impl Metrics {
    /// Nothing has happened yet. Refusals are counted where they are refused; they are only shown here.
    pub fn new(refusals: &Refusals) -> Self {
        let mut registry = Registry::with_prefix("pleione_sync");
        registry.register_collector(Box::new(refusals.clone()));
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which server this is", build);
        let mut add = Registering(registry);
        let traffic = add.traffic();
        let [received, sent] = ["in", "out"].map(|direction| traffic.way(direction));
        Self {
            connections: add.gauge("connections", "Clients that are connected"),
            connections_opened: add.counter("connections_opened", "Clients that ever connected"),
            received,
            sent,
            verify_seconds: add.latency(
                "verify",
                "Checking the content of a message, or of those that waited for a value, and taking it in",
                VERIFY_SECONDS_LEAST,
            ),
            contents_checked: add.counter(
                "contents_checked",
                "Contents of sessions that were verified, or refused as they could not be",
            ),
            commit_seconds: add.latency(
                "storage_commit",
                "Making the batches that waited durable, in one commit",
                STORAGE_SECONDS_LEAST,
            ),
            read_seconds: add.latency(
                "storage_read",
                "Reading from storage what is kept of a value, or a piece of it",
                STORAGE_SECONDS_LEAST,
            ),
            commands_waiting: add.gauge("commands_waiting", "Clients' messages before the relay"),
            asks_waiting: add.gauge("storage_asks_waiting", "Reads and writes before storage"),
            outbox_messages: add.gauge("outbox_messages", "Messages that wait for slow clients"),
            outbox_messages_most: add.gauge(
                "outbox_messages_most",
                "Messages that wait for the slowest client",
            ),
            cache_values: add.gauge("cache_values", "Values in memory"),
            cache_bytes: add.gauge("cache_bytes", "Bytes that values in memory take, about"),
            cache_bytes_max: add.gauge("cache_bytes_max", "Bytes that they may take"),
            cache_misses: add.counter(
                "cache_misses",
                "Values that were asked of storage as they were not in memory",
            ),
            registry: add.0,
        }
    }

    /// Counts a client in, until what is returned is dropped.
    pub fn connected(&self) -> Connected<'_> {
        self.connections.inc();
        self.connections_opened.inc();
        Connected(self)
    }

    /// Everything, in Prometheus' text format.
    ///
    /// # Errors
    /// Never, as memory takes whatever is written.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Does the work and notes how long it took.
pub fn timed<T>(histogram: &Histogram, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    histogram.observe(begun.elapsed().as_secs_f64());
    done
}

struct Registering(Registry);

impl Registering {
    fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.0.register(name, help, gauge.clone());
        gauge
    }

    fn counter(&mut self, name: &str, help: &str) -> Counter {
        let counter = Counter::default();
        self.0.register(name, help, counter.clone());
        counter
    }

    fn latency(&mut self, name: &str, help: &str, least: f64) -> Histogram {
        let histogram = Histogram::new(exponential_buckets(least, 2.0, BUCKETS));
        let registered = histogram.clone();
        self.0
            .register_with_unit(name, help, Unit::Seconds, registered);
        histogram
    }

    fn traffic(&mut self) -> TrafficFamilies {
        let families = TrafficFamilies::default();
        let TrafficFamilies {
            messages,
            bytes,
            saved,
        } = &families;
        let registry = &mut self.0;
        registry.register("messages", "Sync messages, by kind", messages.clone());
        registry.register("frame_bytes", "Bytes of frames on the wire", bytes.clone());
        let help = "Bytes by which deflated frames are shorter than their text";
        registry.register("deflate_saved_bytes", help, saved.clone());
        families
    }
}

#[derive(Default)]
struct TrafficFamilies {
    messages: Counters<2>,
    bytes: Counters<1>,
    saved: Counters<1>,
}

impl TrafficFamilies {
    fn way(&self, direction: &'static str) -> Traffic {
        let direction = ("direction", direction);
        let of = |kind| {
            self.messages
                .get_or_create_owned(&[direction, ("kind", kind)])
        };
        Traffic {
            load: of("load"),
            known: of("known"),
            content: of("content"),
            reconcile: of("reconcile"),
            reconcile_ack: of("reconcile-ack"),
            bytes: self.bytes.get_or_create_owned(&[direction]),
            saved_bytes: self.saved.get_or_create_owned(&[direction]),
        }
    }
}
