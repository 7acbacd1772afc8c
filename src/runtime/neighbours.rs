//! The other tabs of this database: what they wrote is taken in, and each actor has one driver among them.
//!
//! A session is known to be alive before any of its transactions is heard of: its tab says hello on the same channel
//! first. So no message is handled by two tabs (R4). That a session died is found out by asking for the locks.

use std::rc::Rc;

use cojson::collections::SortedSet;
use cojson::ids::SessionId;
use cojson::sync::{FrameLimits, SyncMessage, decode_frame};
use engine::actor::ActorId;
use gloo_timers::callback::Timeout;

use super::host::Host;
use crate::clock;
use crate::futures::spawn_local;
use crate::tabs::{Channel, LockWish, actor_lock, device_sessions, live_sessions, supported};

/// How long a hello outweighs a list of locks without that session.
const GREETING_MS: f64 = 10_000.0;
/// How often the locks are asked for while other tabs live.
const LIVE_CHECK_MS: u32 = 3_000;

const HELLO: &str = "hello ";

impl Host {
    /// Joins the channel and says hello.
    pub(crate) fn join_tabs(self: &Rc<Self>) {
        if !self.storage.is_persistent() {
            return;
        }
        let host = Rc::downgrade(self);
        let channel = Channel::join(&self.name, move |frame| {
            if let Some(host) = host.upgrade() {
                host.hear(&frame);
            }
        });
        if let Some(channel) = &channel {
            let [session, _] = &self.own_sessions;
            channel.post(&format!("{HELLO}{session}"));
        }
        self.tabs.channel.replace(channel);
    }

    fn hear(self: &Rc<Self>, frame: &str) {
        if let Some(session) = frame.strip_prefix(HELLO) {
            if let Ok(session) = SessionId::parse(session) {
                self.greet(session);
            }
            return;
        }
        for message in decode_frame(frame, &FrameLimits::default()) {
            match message {
                Ok(SyncMessage::Content(content)) => {
                    let _ = self.input(|engine| engine.node_mut().absorb(content));
                }
                Ok(_) => {}
                Err(error) => self.count_rejection(error.code()),
            }
        }
    }

    /// The session counts as alive from now on, before anything else is heard of it.
    fn greet(self: &Rc<Self>, session: SessionId) {
        let now_ms = clock::now_ms();
        self.tabs
            .greeted
            .borrow_mut()
            .insert(session.clone(), now_ms);
        let mut live = self.tabs.live.borrow().clone();
        live.insert(session);
        self.set_live(live);
        self.look_soon();
    }

    fn set_live(self: &Rc<Self>, live: SortedSet<SessionId>) {
        self.tabs.live.replace(live.clone());
        let _ = self.input(|engine| engine.set_live_sessions(live));
    }

    /// Finds out which sessions are alive, and looks again while there are any.
    async fn look_round(self: Rc<Self>) {
        let locked = live_sessions(&self.name).await;
        let long_ago_ms = clock::now_ms() - GREETING_MS;
        self.tabs
            .greeted
            .borrow_mut()
            .retain(|_, at_ms| *at_ms > long_ago_ms);
        let greeted: Vec<SessionId> = self.tabs.greeted.borrow().keys().cloned().collect();
        let mut live: SortedSet<SessionId> = locked.into_iter().chain(greeted).collect();
        live.retain(|session| !self.own_sessions.contains(session));
        let is_alone = live.is_empty();
        self.set_live(live);
        if !is_alone && !self.is_closed() {
            self.look_soon();
        }
    }

    fn look_soon(self: &Rc<Self>) {
        let host = Rc::downgrade(self);
        let look = move || {
            if let Some(host) = host.upgrade() {
                spawn_local(host.look_round());
            }
        };
        self.timers
            .tabs
            .replace(Some(Timeout::new(LIVE_CHECK_MS, look)));
    }

    /// Wishes for an actor's lock; whoever has it handles the messages that no living tab handles itself.
    pub(crate) fn claim(self: &Rc<Self>, actor: &ActorId) {
        if !self.storage.is_persistent() || !supported() {
            let _ = self.input(|engine| engine.set_driver(actor, true));
            return;
        }
        let host = Rc::downgrade(self);
        let driven = actor.clone();
        let wish = LockWish::new(&actor_lock(&self.name, actor.as_str()), move || {
            if let Some(host) = host.upgrade() {
                host.drive(driven);
            }
        });
        self.tabs.actors.borrow_mut().insert(actor.clone(), wish);
    }

    /// The actor's lock is ours. Those that come while one look round is under way have the next one together: what is
    /// looked at must not be older than the lock.
    fn drive(self: &Rc<Self>, actor: ActorId) {
        self.tabs.granted.borrow_mut().push(actor);
        if !self.tabs.is_looking_round.replace(true) {
            spawn_local(Rc::clone(self).drive_granted());
        }
    }

    async fn drive_granted(self: Rc<Self>) {
        loop {
            let granted = self.tabs.granted.take();
            if granted.is_empty() {
                break;
            }
            Rc::clone(&self).look_round().await;
            // What cannot be read is another device's for now; then its end is found out as any other's.
            let sessions = device_sessions(&self.storage).await.unwrap_or_default();
            let sessions = sessions.into_iter().collect();
            let _ = self.input(|engine| {
                engine.set_device_sessions(sessions);
                for actor in &granted {
                    engine.set_driver(actor, true);
                }
            });
        }
        self.tabs.is_looking_round.set(false);
    }
}
