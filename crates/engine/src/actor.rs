//! Actors: definitions brought to life over the data layer.
//!
//! [`ActorEngine`] owns the node and every actor. It is a state machine without I/O: a host queues events and hands in
//! what storage, peers and tools answered; at the end of its task it calls [`ActorEngine::process_inbox`] and
//! [`ActorEngine::flush`], and then carries out the [`Effect`]s. One task makes at most one transaction per touched
//! value and one storage write in all.
//!
//! ```text
//! send, dom_event, tool_finished ─┐
//! inbox messages, raised events ──┼─> pending_messages ─> process_inbox ─> step ─> memory ─> one transaction ─> flush
//! stored, loaded, receive ────────┘                                          └──> tools        └─> pending_rerenders
//! ```
//!
//! In memory only: queues, query results, stores and screens. In the context value: the state, the context, the inbox
//! cursors and the calls under way. Nothing here knows a clock, a socket or the DOM.

mod builtin;
mod collection;
mod contract;
mod definition;
mod documents;
mod effect;
mod engine;
mod history;
mod ids;
mod input;
mod live_query;
mod memory;
mod message;
mod migration;
mod query;
mod replay;
mod running;
mod sent;
mod shared_definitions;
mod space;
mod tools;
mod world;

pub use effect::{ActorError, Effect, HistoryError, SendError, Warning};
pub use engine::{ActorEngine, EngineConfig, MESSAGES_PER_TASK_MAX, PublishError, Unsent, When};
pub use ids::{ActorId, Ticket, Tickets};
pub use migration::Unreadable;
pub use sent::Events;
pub use tools::ToolDeclaration;
