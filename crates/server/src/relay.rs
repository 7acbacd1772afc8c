//! The relay: the one thread that owns the replica. Sockets hand it what clients say; it verifies, has it stored, and
//! hands to each client's outbox what that client is to be told.
//!
//! Every queue is bounded. Clients' messages wait in one queue, few of each, and their sockets are not read meanwhile. A
//! client's outbox is bounded too: content is put there only as fast as it empties, and who fills it with answers is let
//! go and catches up when it comes back. The relay never waits for a client, so none can hold up another. An acknowledged
//! transaction is durable (the replica's rule); what was taken in when the server stops is written before the relay ends.

mod inputs;
mod link;
mod outbox;
mod outgoing;
mod reads;
mod retries;
mod unwritten;
mod watched;

use std::collections::HashMap;
use std::sync::Arc;

use cojson::ids::CoId;
use cojson::sync::{
    Effect, PeerId, PeerRole, Replica, ReplicaConfig, SyncMessage, WriteBatch, WriteId,
};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant, sleep_until};

use inputs::{Input, Inputs};
pub use link::RelayLink;
use outbox::Put;
pub use outbox::{Departures, Inlet, Outbox, Places, outbox};
pub use outgoing::Outgoing;
use outgoing::Sharing;
use retries::Retries;
use unwritten::Unwritten;
pub use watched::{NotReady, ProbeReply};

use crate::guard::accounts::{AccountLimits, Accounts, Charges};
use crate::metrics::Metrics;
use crate::refusals::Refusals;
use crate::settings::Settings;
use crate::storage::measured::MeasuredStorage;
use crate::storage::worker::{self, Answer, Ask};
use crate::storage::{Storage, WriteError};
use crate::wakeups::{Announcer, News, Wakeups};
use watched::Watched;

/// How many commands of all sockets wait.
const COMMANDS_WAITING_MAX: usize = 1_024;

/// How many commands are taken together, at most: what clients say in them of one session is verified at once.
const COMMANDS_TOGETHER: usize = 1_024;

/// How many bytes of content are on their way to one client.
const WINDOW_BYTES: usize = 256 << 10;

/// While so many values are being read, no more commands are taken: what they ask would only queue up.
const LOADS_UNDER_WAY_MAX: usize = 1_024;

/// How long nothing is written after a write that failed (a full disk): what came is kept in memory, and not
/// acknowledged.
const WRITE_RETRY: Duration = Duration::from_secs(1);

/// What clients may do, and what they may cost the relay.
#[derive(Clone, Copy, Debug)]
pub struct RelayLimits {
    /// What they may make the replica hold.
    pub replica: ReplicaConfig,
    /// What an account may write.
    pub accounts: AccountLimits,
    /// How many bytes of content may wait for the disk.
    pub unwritten_bytes_max: usize,
}

impl From<&Settings> for RelayLimits {
    fn from(settings: &Settings) -> Self {
        let limits = &settings.limits;
        Self {
            replica: ReplicaConfig {
                write_rule: settings.access.write,
                pending_bytes_per_peer_max: limits.pending_bytes_max,
                values_per_peer_max: limits.values_per_connection_max,
                sessions_per_value_max: limits.sessions_per_value_max,
                cache_bytes_max: limits.cache_bytes_max,
                window_bytes_max: WINDOW_BYTES,
                // Of a session that forked over two servers, only what was stored first may reach anybody.
                sends_ahead: !settings.storage.is_shared(),
                ..ReplicaConfig::default()
            },
            accounts: AccountLimits {
                bytes_max: limits.account_bytes_per_hour_max,
                values_max: limits.account_values_per_hour_max,
            },
            unwritten_bytes_max: limits.unwritten_bytes_max,
        }
    }
}

/// What a socket tells the relay.
#[derive(Debug)]
pub enum Command {
    /// A client is there.
    Connect(PeerId, Outbox),
    /// It said something.
    Receive(PeerId, SyncMessage),
    /// Some of the content that it was sent left, as the relay wanted to know.
    Drained(PeerId),
    /// It is gone.
    Disconnect(PeerId),
    /// Somebody wants to know whether storage answers and takes writes.
    Probe(ProbeReply),
}

/// Starts the relay and its storage thread. The relay ends when every sender of commands is gone and all that it took
/// in has been written; the receiver then gets its word, or an error if a thread failed.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn(
    storage: Box<dyn Storage>,
    limits: RelayLimits,
    refusals: Refusals,
    metrics: Arc<Metrics>,
    wakeups: Wakeups,
) -> std::io::Result<(mpsc::Sender<Command>, oneshot::Receiver<()>)> {
    let (commands, queue) = mpsc::channel(COMMANDS_WAITING_MAX);
    let (answers, answer_queue) = mpsc::unbounded_channel();
    let storage = Box::new(MeasuredStorage::new(storage, Arc::clone(&metrics)));
    let (asks, storage_thread) = worker::spawn(storage, answers)?;
    let relay = Relay {
        replica: Replica::new(limits.replica),
        accounts: Accounts::new(limits.accounts, Instant::now()),
        charges: HashMap::new(),
        writing: Vec::new(),
        unwritten: Unwritten::new(limits.unwritten_bytes_max),
        outboxes: HashMap::new(),
        said: Vec::new(),
        asks,
        loads_under_way: 0,
        retries: Retries::default(),
        retry_at: None,
        refusals,
        announcer: wakeups.announcer(),
        watched: Watched::new(metrics, limits.replica.cache_bytes_max),
    };
    let inputs = Inputs {
        commands: queue,
        wakeups,
    };
    let (ended, end) = oneshot::channel();
    let runtime = Handle::current();
    let thread = std::thread::Builder::new().name("relay".into());
    thread.spawn(move || {
        runtime.block_on(relay.run(inputs, answer_queue));
        // The relay dropped its end of the storage queue, so the storage thread ends when all is written.
        if storage_thread.join().is_ok() {
            let _ = ended.send(());
        }
    })?;
    Ok((commands, end))
}

struct Relay {
    replica: Replica,
    accounts: Accounts,
    /// What the writes under way will cost their authors.
    charges: HashMap<WriteId, Charges>,
    /// The values of the write under way, to be announced when it is durable.
    writing: Vec<CoId>,
    /// How much waits for the disk.
    unwritten: Unwritten,
    outboxes: HashMap<PeerId, Outbox>,
    /// What clients said and the replica was not handed yet.
    said: Vec<(PeerId, SyncMessage)>,
    asks: std::sync::mpsc::Sender<Ask>,
    loads_under_way: usize,
    /// What storage could not read.
    retries: Retries,
    /// When to try again to write, after a write that failed. Until then nothing is asked to be written.
    retry_at: Option<Instant>,
    refusals: Refusals,
    watched: Watched,
    announcer: Announcer,
}

impl Relay {
    async fn run(mut self, mut inputs: Inputs, mut answers: mpsc::UnboundedReceiver<Answer>) {
        loop {
            let retry_at = self.retry_at.unwrap_or_else(Instant::now);
            let read_at = self.retries.next_at();
            let has_room = self.loads_under_way < LOADS_UNDER_WAY_MAX;
            // Storage's answers first: they free what commands wait for.
            tokio::select! {
                biased;
                answer = answers.recv() => match answer {
                    Some(answer) => self.take_answer(answer),
                    None => break,
                },
                () = self.watched.is_due() => self.publish(),
                () = sleep_until(retry_at), if self.retry_at.is_some() => self.retry_at = None,
                () = sleep_until(read_at.unwrap_or(retry_at)), if has_room && read_at.is_some() => {
                    self.read_again();
                }
                input = inputs.next(), if has_room && self.may_take_in() => {
                    match input {
                        Some(Input::Command(command)) => self.take_commands(command, &mut inputs.commands),
                        Some(Input::News(news)) => self.take_news(news),
                        None => break,
                    }
                }
            }
            self.carry_out();
        }
        self.finish(&mut answers).await;
    }

    /// Whether more may wait for the disk; while writes fail, who brings more is let go instead.
    fn may_take_in(&self) -> bool {
        self.watched.writes_fail || !self.unwritten.is_full()
    }

    /// No socket is left: what was taken in is written, unless storage takes it no more.
    async fn finish(&mut self, answers: &mut mpsc::UnboundedReceiver<Answer>) {
        while self.has_unwritten() && self.retry_at.is_none() {
            let Some(answer) = answers.recv().await else {
                return;
            };
            self.take_answer(answer);
            self.carry_out();
        }
    }

    /// Whether something that was taken in is not on its way to the disk's end yet: content waits for storage to say
    /// what it has of the value, or a write is under way.
    fn has_unwritten(&self) -> bool {
        self.loads_under_way > 0 || !self.replica.is_settled()
    }

    /// Takes a command and those that wait behind it. What clients say in them is handed to the replica together.
    fn take_commands(&mut self, first: Command, waiting: &mut mpsc::Receiver<Command>) {
        self.take_command(first);
        for _ in 1..COMMANDS_TOGETHER {
            let Ok(command) = waiting.try_recv() else {
                break;
            };
            self.take_command(command);
        }
        self.hand_over();
    }

    fn hand_over(&mut self) {
        let said = std::mem::take(&mut self.said);
        if !said.is_empty() {
            self.hand(|replica| replica.receive_all(said));
        }
    }

    fn take_command(&mut self, command: Command) {
        match command {
            Command::Connect(peer, outbox) => {
                self.outboxes.insert(peer, outbox);
                self.replica.connect(peer, PeerRole::Client);
            }
            Command::Receive(peer, message) => self.take_message(peer, message),
            Command::Drained(peer) => self.send_on(peer),
            Command::Disconnect(peer) => self.let_go(peer),
            Command::Probe(reply) => self.probe(reply),
        }
    }

    /// What other servers wrote is looked up in storage, where somebody here looks at it.
    fn take_news(&mut self, news: News) {
        match news {
            News::Written(ids) => ids.iter().for_each(|id| self.replica.appeared(id)),
            News::Asked(question) => question.answer_from(&self.replica),
        }
    }

    fn take_message(&mut self, peer: PeerId, mut message: SyncMessage) {
        // A client that was let go may have spoken before it noticed.
        if let Some(outbox) = self.outboxes.get(&peer) {
            outbox.give_place_back(&message);
            let bytes = message.content_bytes();
            if bytes > 0 && self.unwritten.is_full() {
                let what = "content that cannot be written while too much waits for the disk";
                self.refusals.count("unwritten_full", &what);
                return self.let_go(peer);
            }
            self.unwritten.take(bytes);
            self.trim(&mut message);
            self.said.push((peer, message));
        }
    }

    /// Leaves out what authors who wrote their share sent.
    fn trim(&mut self, message: &mut SyncMessage) {
        if let SyncMessage::Content(content) = message {
            for over in self.accounts.trim(content, Instant::now()) {
                self.refusals.count("account_over_limit", &over);
            }
        }
    }

    fn let_go(&mut self, peer: PeerId) {
        // It may have said something before it left.
        self.hand_over();
        if self.outboxes.remove(&peer).is_some() {
            self.replica.disconnect(peer);
        }
    }

    fn take_answer(&mut self, answer: Answer) {
        self.watched.metrics.asks_waiting.dec();
        match answer {
            Answer::Loaded(id, result) => self.take_loaded(&id, result),
            Answer::Read(id, result) => self.take_read(id, result),
            Answer::Written(id, result) => self.take_written(id, result),
            Answer::Probed(is_readable) => self.watched.probed(is_readable),
        }
    }

    fn take_written(&mut self, id: WriteId, result: Result<(), WriteError>) {
        let charges = self.charges.remove(&id).unwrap_or_default();
        self.unwritten.end_write(result.is_ok());
        match result {
            Ok(()) => {
                self.watched.writes_fail = false;
                self.note_back();
                self.accounts.charge(charges, Instant::now());
                self.announcer.announce(self.writing.drain(..));
                self.replica.stored(id);
            }
            Err(error) => {
                self.refusals.count("write_failed", &error);
                if let Some(value) = error.value() {
                    self.replica.store_refused(id, std::slice::from_ref(value));
                } else {
                    self.watched.writes_fail = true;
                    self.replica.store_failed(id);
                    self.retry_at = Some(Instant::now() + WRITE_RETRY);
                }
            }
        }
    }

    /// Asks for a write of what is new, does what the replica asks, and lets go of what need not be in memory. Nothing is
    /// signed here: a relay writes nothing of its own.
    fn carry_out(&mut self) {
        if self.retry_at.is_none() {
            self.replica.flush(|_| None);
        }
        let mut sharing = Sharing::default();
        while let Some(effect) = self.replica.poll_effect() {
            match effect {
                Effect::Load(id) => self.load(id),
                Effect::Read(request) => self.ask(Ask::Read(request)),
                Effect::Store(batch) => self.write(batch),
                Effect::Send { peer, message } => self.send(peer, sharing.share(message)),
                Effect::Pace(peer) => self.send_on(peer),
                Effect::Rejected { reason, .. } => self.refusals.count(reason.code(), &reason),
                // Nobody here looks at values.
                Effect::Changed(_) | Effect::Unavailable(_) => {}
            }
        }
        if !self.has_unwritten() {
            self.unwritten.clear();
        }
        self.replica.evict();
    }

    /// Has a client sent more, as much as left its outbox; if nothing did, its socket says when something does.
    fn send_on(&mut self, peer: PeerId) {
        if let Some(outbox) = self.outboxes.get(&peer)
            && let Some(bytes) = outbox.departed()
        {
            self.replica.drained(peer, bytes);
        }
    }

    fn write(&mut self, batch: WriteBatch) {
        let charges = self.charges.entry(batch.id).or_default();
        batch.values.iter().for_each(|value| charges.add(value));
        let ids = batch.values.iter().map(|value| value.id.clone());
        self.writing = ids.collect();
        self.unwritten.begin_write();
        self.ask(Ask::Write(batch));
    }

    /// A storage thread that is gone answers no more, which ends the relay's loop.
    fn ask(&self, ask: Ask) {
        self.watched.metrics.asks_waiting.inc();
        let _ = self.asks.send(ask);
    }

    fn send(&mut self, peer: PeerId, message: Outgoing) {
        let Some(outbox) = self.outboxes.get(&peer) else {
            return;
        };
        match outbox.put(message) {
            Put::Taken => {}
            Put::Gone => self.let_go(peer),
            Put::Full => {
                let what = "a client does not read what it is sent";
                self.refusals.count("slow_client", &what);
                self.let_go(peer);
            }
        }
    }
}

#[cfg(test)]
mod tests;
