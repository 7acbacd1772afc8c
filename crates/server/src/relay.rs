//! The relay: the one thread that owns the replica. Sockets hand it what clients say; it verifies, has it stored, and
//! hands to each client's outbox what that client is to be told.
//!
//! Every queue is bounded. Clients' messages wait in one queue, and their sockets are not read while it is full. A
//! client's outbox is bounded too: one that does not empty it is let go, and catches up when it comes back. The relay
//! never waits for a client, so none can hold up another. An acknowledged transaction is durable (the replica's rule);
//! what was taken in when the server stops is written before the relay ends.

mod outgoing;

use std::collections::HashMap;

use cojson::ids::CoId;
use cojson::sync::{
    Effect, PeerId, PeerRole, Replica, ReplicaConfig, SyncMessage, WriteBatch, WriteId,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, Instant, sleep_until};

pub use outgoing::Outgoing;
use outgoing::Sharing;

use crate::guard::accounts::{AccountLimits, Accounts, Charges};
use crate::refusals::Refusals;
use crate::settings::LimitSettings;
use crate::storage::worker::{self, Answer, Ask};
use crate::storage::{LoadError, Loaded, Storage, WriteError};

/// How many commands of all sockets wait.
const COMMANDS_WAITING_MAX: usize = 256;

/// How many messages are handed to the replica together, about: what they bring of one session is verified at once.
const MESSAGES_TOGETHER: usize = 256;

/// While so many values are being read, no more commands are taken: what they ask would only queue up.
const LOADS_UNDER_WAY_MAX: usize = 1_024;

/// How long nothing is written after a write that failed (a full disk): what came is kept in memory, and not
/// acknowledged.
const WRITE_RETRY: Duration = Duration::from_secs(1);

/// What clients may cost the relay.
#[derive(Clone, Copy, Debug)]
pub struct RelayLimits {
    /// What they may make the replica hold.
    pub replica: ReplicaConfig,
    /// What an account may write.
    pub accounts: AccountLimits,
}

impl From<&LimitSettings> for RelayLimits {
    fn from(limits: &LimitSettings) -> Self {
        Self {
            replica: ReplicaConfig {
                pending_bytes_per_peer_max: limits.pending_bytes_max,
                values_per_peer_max: limits.values_per_connection_max,
                sessions_per_value_max: limits.sessions_per_value_max,
                ..ReplicaConfig::default()
            },
            accounts: AccountLimits {
                bytes_max: limits.account_bytes_per_hour_max,
                values_max: limits.account_values_per_hour_max,
            },
        }
    }
}

/// What a socket tells the relay.
#[derive(Debug)]
pub enum Command {
    /// A client is there.
    Connect(PeerId, Outbox),
    /// It said these things, in this order.
    Receive(PeerId, Vec<SyncMessage>),
    /// It is gone.
    Disconnect(PeerId),
}

/// Where the relay puts what a client is to be told. When the relay drops it, the socket closes.
#[derive(Debug)]
pub struct Outbox {
    messages: mpsc::Sender<Outgoing>,
    /// Never sent to: the socket learns that it was dropped, at once and not after what still waits.
    _let_go: oneshot::Sender<()>,
}

/// A socket's end of an [`Outbox`].
#[derive(Debug)]
pub struct Inlet {
    /// What is to be sent.
    pub messages: mpsc::Receiver<Outgoing>,
    /// Ends when the relay lets go of this client.
    pub let_go: oneshot::Receiver<()>,
    /// Nothing is sent through it; it tells how much room the outbox has.
    pub room: mpsc::Sender<Outgoing>,
}

/// An outbox and the socket's end of it.
///
/// What waits shares its transactions with the log, so it is small; a socket takes in nothing while half of its outbox is
/// used, so only what others write can fill it.
pub fn outbox(messages_max: usize) -> (Outbox, Inlet) {
    let (sender, messages) = mpsc::channel(messages_max);
    let (holder, let_go) = oneshot::channel();
    let room = sender.clone();
    let inlet = Inlet {
        messages,
        let_go,
        room,
    };
    let outbox = Outbox {
        messages: sender,
        _let_go: holder,
    };
    (outbox, inlet)
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
) -> std::io::Result<(mpsc::Sender<Command>, oneshot::Receiver<()>)> {
    let (commands, queue) = mpsc::channel(COMMANDS_WAITING_MAX);
    let (answers, answer_queue) = mpsc::unbounded_channel();
    let (asks, storage_thread) = worker::spawn(storage, answers)?;
    let relay = Relay {
        replica: Replica::new(limits.replica),
        accounts: Accounts::new(limits.accounts, Instant::now()),
        charges: HashMap::new(),
        outboxes: HashMap::new(),
        asks,
        loads_under_way: 0,
        retry_at: None,
        refusals,
    };
    let (ended, end) = oneshot::channel();
    let runtime = Handle::current();
    let thread = std::thread::Builder::new().name("relay".into());
    thread.spawn(move || {
        runtime.block_on(relay.run(queue, answer_queue));
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
    outboxes: HashMap<PeerId, Outbox>,
    asks: std::sync::mpsc::Sender<Ask>,
    loads_under_way: usize,
    /// When to try again to write, after a write that failed. Until then nothing is asked to be written.
    retry_at: Option<Instant>,
    refusals: Refusals,
}

impl Relay {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut answers: mpsc::UnboundedReceiver<Answer>,
    ) {
        loop {
            let retry_at = self.retry_at.unwrap_or_else(Instant::now);
            // Storage's answers first: they free what commands wait for.
            tokio::select! {
                biased;
                answer = answers.recv() => match answer {
                    Some(answer) => self.take_answer(answer),
                    None => break,
                },
                () = sleep_until(retry_at), if self.retry_at.is_some() => self.retry_at = None,
                command = commands.recv(), if self.loads_under_way < LOADS_UNDER_WAY_MAX => {
                    match command {
                        Some(command) => self.take_commands(command, &mut commands),
                        None => break,
                    }
                }
            }
            self.carry_out();
        }
        self.finish(&mut answers).await;
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

    /// Takes a command and those that wait behind it.
    fn take_commands(&mut self, first: Command, waiting: &mut mpsc::Receiver<Command>) {
        let mut said = Vec::new();
        let mut next = Some(first);
        while let Some(command) = next {
            match command {
                // A client that was let go may have spoken before it noticed.
                Command::Receive(peer, messages) if self.outboxes.contains_key(&peer) => {
                    let trimmed = messages.into_iter().map(|message| self.trimmed(message));
                    said.extend(trimmed.map(|message| (peer, message)));
                }
                Command::Receive(..) => {}
                Command::Connect(peer, outbox) => {
                    self.outboxes.insert(peer, outbox);
                    self.replica.connect(peer, PeerRole::Client);
                }
                Command::Disconnect(peer) => {
                    self.replica.receive_all(std::mem::take(&mut said));
                    self.let_go(peer);
                }
            }
            let has_room = said.len() < MESSAGES_TOGETHER;
            next = has_room.then(|| waiting.try_recv().ok()).flatten();
        }
        self.replica.receive_all(said);
    }

    /// Leaves out what authors who wrote their share sent.
    fn trimmed(&mut self, mut message: SyncMessage) -> SyncMessage {
        if let SyncMessage::Content(content) = &mut message {
            for over in self.accounts.trim(content, Instant::now()) {
                self.refusals.count("account_over_limit", &over);
            }
        }
        message
    }

    fn let_go(&mut self, peer: PeerId) {
        if self.outboxes.remove(&peer).is_some() {
            self.replica.disconnect(peer);
        }
    }

    fn take_answer(&mut self, answer: Answer) {
        match answer {
            Answer::Loaded(id, result) => self.take_loaded(&id, result),
            Answer::Written(id, result) => self.take_written(id, result),
        }
    }

    fn take_loaded(&mut self, id: &CoId, result: Result<Option<Loaded>, LoadError>) {
        self.loads_under_way = self.loads_under_way.saturating_sub(1);
        let log = match result {
            Ok(Some(Loaded { log, damage })) => {
                for damage in damage {
                    let what = format_args!("{id}: {damage}");
                    self.refusals.count("stored_damage", &what);
                }
                Some(log)
            }
            Ok(None) => None,
            Err(error) => {
                self.refusals.count("load_failed", &error);
                None
            }
        };
        self.replica.loaded(id, log);
    }

    fn take_written(&mut self, id: WriteId, result: Result<(), WriteError>) {
        let charges = self.charges.remove(&id).unwrap_or_default();
        match result {
            Ok(()) => {
                self.accounts.charge(charges, Instant::now());
                self.replica.stored(id);
            }
            Err(error) => {
                self.refusals.count("write_failed", &error);
                self.replica.store_failed(id);
                self.retry_at = Some(Instant::now() + WRITE_RETRY);
            }
        }
    }

    /// Asks for a write of what is new, and does what the replica asks. Nothing is signed here: a relay writes nothing
    /// of its own.
    fn carry_out(&mut self) {
        if self.retry_at.is_none() {
            self.replica.flush(|_| None);
        }
        let mut sharing = Sharing::default();
        while let Some(effect) = self.replica.poll_effect() {
            match effect {
                Effect::Load(id) => {
                    self.loads_under_way += 1;
                    self.ask(Ask::Load(id));
                }
                Effect::Store(batch) => self.write(batch),
                Effect::Send { peer, message } => self.send(peer, sharing.share(message)),
                Effect::Rejected { reason, .. } => self.refusals.count(reason.code(), &reason),
                // Nobody here looks at values.
                Effect::Changed(_) | Effect::Unavailable(_) => {}
            }
        }
    }

    fn write(&mut self, batch: WriteBatch) {
        let charges = self.charges.entry(batch.id).or_default();
        batch.values.iter().for_each(|value| charges.add(value));
        self.ask(Ask::Write(batch));
    }

    /// A storage thread that is gone answers no more, which ends the relay's loop.
    fn ask(&self, ask: Ask) {
        let _ = self.asks.send(ask);
    }

    fn send(&mut self, peer: PeerId, message: Outgoing) {
        let Some(outbox) = self.outboxes.get(&peer) else {
            return;
        };
        match outbox.messages.try_send(message) {
            Ok(()) => {}
            Err(TrySendError::Closed(_)) => self.let_go(peer),
            Err(TrySendError::Full(_)) => {
                let what = "a client does not read what it is sent";
                self.refusals.count("slow_client", &what);
                self.let_go(peer);
            }
        }
    }
}

#[cfg(test)]
mod tests;
