//! Each limit at its edge: what is allowed goes through, what is over it is slowed, turned away or closed with a reason,
//! and others do not notice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cojson::header::Ruleset;
use cojson::known_state::KnownState;
use cojson::sync::{SyncMessage, encode_frame};
use tungstenite::Message;

use crate::peer::{Heard, Peer};
use crate::process::ServerProcess;
use crate::writer::Writer;

fn server(limits: &[(&str, &str)]) -> ServerProcess {
    let in_memory = ("SYNC_MAIA_STORAGE", "in-memory");
    ServerProcess::start(&[&[in_memory][..], limits].concat())
}

/// Text of changes of so many bytes.
fn changes(bytes: usize) -> String {
    format!("[\"{}\"]", "x".repeat(bytes - 4))
}

#[test]
fn a_message_and_a_transaction_are_taken_up_to_their_limit() {
    let server = server(&[
        ("MESSAGE_BYTES_MAX", "4096"),
        ("TRANSACTION_BYTES_MAX", "1024"),
    ]);
    let mut peer = Peer::connect(server.port());
    peer.say_text(&" ".repeat(4_097)).unwrap();
    server.await_refused("message_too_large", 1);
    peer.say_text(&" ".repeat(4_096)).unwrap();
    server.await_refused("not_json", 1);
    assert_eq!(server.refused("message_too_large"), 1);

    let mut fitting = Writer::new("fitting", 1);
    peer.say(&fitting.write(&changes(1_024)));
    peer.await_known(&fitting.id(), &fitting.session, 1);
    let mut large = Writer::new("large", 2);
    peer.say(&large.write(&changes(1_025)));
    server.await_refused("transaction_too_large", 1);
    // The sender is told the truth: nothing of it is here.
    let state = peer.await_message(|message| match message {
        SyncMessage::Known(known) if known.state.id == large.id() => Some(known.state),
        _ => None,
    });
    assert!(state.sessions.is_empty(), "{state:?}");
}

#[test]
fn a_transaction_is_taken_up_to_its_date_limit() {
    let server = server(&[("AHEAD_SECONDS_MAX", "3600")]);
    let mut peer = Peer::connect(server.port());
    let now_ms = || {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(now.as_millis()).unwrap()
    };
    let (mut at_edge, mut beyond) = (Writer::new("at the edge", 1), Writer::new("beyond", 2));
    // The server's clock is this one, and what is said reaches it within ten seconds; to the millisecond it is tested
    // where the clock is handed in.
    beyond.made_at_ms = now_ms() + 3_610_000;
    peer.say(&beyond.write("[1]"));
    server.await_refused("dated_ahead", 1);
    at_edge.made_at_ms = now_ms() + 3_600_000;
    peer.say(&at_edge.write("[1]"));
    peer.await_known(&at_edge.id(), &at_edge.session, 1);
    assert_eq!(server.refused("dated_ahead"), 1);
}

#[test]
fn one_address_takes_no_more_than_its_connections_and_gives_them_back() {
    let server = server(&[
        ("CONNECTIONS_PER_ADDRESS_MAX", "3"),
        ("TRUSTED_PROXIES", "127.0.0.1"),
    ]);
    let connect = |client: &str| Peer::connect_as(server.port(), &[("X-Forwarded-For", client)]);
    let mut held: Vec<_> = (0..3).map(|_| connect("198.51.100.1").unwrap()).collect();
    assert!(connect("198.51.100.1").is_none());
    assert_eq!(server.refused("too_many_connections_of_address"), 1);
    // Another address is let in, and so is the same again when it has left.
    assert!(connect("198.51.100.2").is_some());
    held.pop();
    await_place(|| connect("198.51.100.1"));
}

/// Waits until somebody is let in.
fn await_place(connect: impl Fn() -> Option<Peer>) {
    let end = Instant::now() + Duration::from_secs(10);
    while connect().is_none() {
        assert!(Instant::now() < end, "the place was not given back");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_stranger_says_of_its_address_counts_for_nothing() {
    let server = server(&[
        ("CONNECTIONS_PER_ADDRESS_MAX", "2"),
        ("TRUSTED_PROXIES", "10.0.0.0/8"),
    ]);
    let connect = |client: &str| Peer::connect_as(server.port(), &[("X-Forwarded-For", client)]);
    let held = [connect("198.51.100.1"), connect("198.51.100.2")];
    assert!(held.iter().all(Option::is_some));
    assert!(connect("198.51.100.3").is_none());
    drop(held);
    await_place(|| connect("198.51.100.3"));
}

#[test]
fn there_are_no_more_connections_than_the_most_and_a_page_is_one_too() {
    let server = server(&[("CONNECTIONS_MAX", "3")]);
    let _held = [Peer::connect(server.port()), Peer::connect(server.port())];
    let _page = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    // The system may hand over the last connection a moment later.
    std::thread::sleep(Duration::from_millis(100));
    let mut turned_away = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let mut answer = String::new();
    turned_away.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with("the most that are allowed"), "{answer}");
}

/// Asks for something that is not there and waits for the answer, so often; how long the slowest took.
fn slowest_answer(peer: &mut Peer, rounds: usize) -> Duration {
    let asked = |round: usize| Writer::new(&format!("asked {round}"), 9).id();
    let times = (0..rounds).map(|round| {
        let begun = Instant::now();
        peer.ask(&asked(round));
        begun.elapsed()
    });
    times.max().unwrap()
}

#[test]
fn who_sends_too_fast_is_read_at_the_rate_and_a_bystander_is_answered_at_once() {
    let server = server(&[("MESSAGES_PER_SECOND_MAX", "50")]);
    let mut fast = Peer::connect(server.port());
    let mut writer = Writer::new("fast", 1);
    let begun = Instant::now();
    // Four seconds' worth comes at once; the 100 that follow take two seconds.
    for _ in 0..300 {
        fast.say(&writer.write("[1]"));
    }
    let mut bystander = Peer::connect(server.port());
    let slowest = slowest_answer(&mut bystander, 20);
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    fast.await_known(&writer.id(), &writer.session, 200);
    let burst = begun.elapsed();
    fast.await_known(&writer.id(), &writer.session, 300);
    let all = begun.elapsed();
    assert!(all >= Duration::from_millis(1_900), "{all:?}");
    assert!(
        burst < all.saturating_sub(Duration::from_secs(1)),
        "{burst:?} of {all:?}"
    );
    assert!(server.refused("slowed") > 0);
}

#[test]
fn who_sends_too_much_is_read_at_the_rate() {
    let server = server(&[("BYTES_PER_SECOND_MAX", "100000")]);
    let mut fast = Peer::connect(server.port());
    let mut writer = Writer::new("much", 1);
    let begun = Instant::now();
    for _ in 0..6 {
        fast.say(&writer.write(&changes(100_000)));
    }
    fast.await_known(&writer.id(), &writer.session, 6);
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
}

#[test]
fn a_flood_from_twenty_connections_leaves_a_bystander_its_answers() {
    let server = server(&[]);
    let port = server.port();
    let mut bystander = Peer::connect(port);
    let end = Instant::now() + Duration::from_secs(3);
    let flood = |seed: u8| {
        let mut peer = Peer::connect(port);
        let mut writer = Writer::new(&format!("flood {seed}"), seed);
        let nonsense = "{\"action\":\"load\",\"id\":3}\n".repeat(500);
        while Instant::now() < end {
            let sent = peer.try_say(&writer.write("[\"flood\"]"));
            if sent.is_err() || peer.say_text(&nonsense).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for seed in 1..=20 {
            scope.spawn(move || flood(seed));
        }
        let slowest = slowest_answer(&mut bystander, 50);
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    });
}

#[test]
fn a_connection_on_which_nobody_answers_is_closed_and_a_silent_client_is_not() {
    let server = server(&[("IDLE_SECONDS_MAX", "2")]);
    let mut silent = Peer::connect(server.port());
    let dead = Peer::connect(server.port());
    // Hearing answers the server's pings, as every browser and library does by itself.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        let heard = silent.hear(Duration::from_millis(200));
        assert!(matches!(heard, Heard::Nothing), "{heard:?}");
    }
    assert_eq!(server.refused("half_open"), 1);
    drop(dead);
}

#[test]
fn who_does_not_say_what_it_wants_is_cut_off() {
    let server = server(&[("HANDSHAKE_SECONDS_MAX", "1")]);
    let mut honest = Peer::connect(server.port());
    let connect = || TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let (mut mute, mut dawdling) = (connect(), connect());
    let begun = Instant::now();
    for byte in b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " {
        // A byte now and then does not buy time.
        if dawdling.write_all(&[*byte]).is_err() || begun.elapsed() > Duration::from_secs(5) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(mute.read(&mut [0]).is_ok_and(|read| read == 0));
    assert!(!matches!(dawdling.read(&mut [0]), Ok(1..)));
    server.await_refused("handshake_timeout", 2);
    // A connection that has said what it wants is not under that clock.
    slowest_answer(&mut honest, 1);
}

#[test]
fn a_connection_follows_no_more_values_than_it_may() {
    let server = server(&[("VALUES_PER_CONNECTION_MAX", "3")]);
    let mut peer = Peer::connect(server.port());
    slowest_answer(&mut peer, 3);
    assert_eq!(server.refused("too_many_values"), 0);
    let fourth = Writer::new("the fourth", 1).id();
    peer.say(&SyncMessage::Load(KnownState::empty(fourth)));
    server.await_refused("too_many_values", 1);
    slowest_answer(&mut Peer::connect(server.port()), 3);
}

/// Content of so many bytes for a group that nobody has.
fn orphan(name: &str, bytes: usize) -> SyncMessage {
    let mut writer = Writer::new(name, 1);
    let group = Writer::new("missing", 2).id();
    writer.header.ruleset = Ruleset::OwnedByGroup {
        group,
        restrict_deletion: None,
    };
    writer.write(&changes(bytes))
}

#[test]
fn what_waits_for_a_group_that_is_missing_takes_no_byte_more_than_it_may() {
    let (first, second) = (orphan("first", 4_000), orphan("second", 2_500));
    let both = first.content_bytes() + second.content_bytes();
    let longer = orphan("second", 2_501);
    assert_eq!(longer.content_bytes(), second.content_bytes() + 1);
    let server = server(&[("PENDING_BYTES_MAX", &both.to_string())]);
    let say = |messages: [&SyncMessage; 2]| {
        let mut peer = Peer::connect(server.port());
        for message in messages {
            peer.say(message);
        }
        slowest_answer(&mut peer, 1);
        peer
    };
    let _at_edge = say([&first, &second]);
    assert_eq!(server.refused("pending_full"), 0);
    let _beyond = say([&first, &longer]);
    assert_eq!(server.refused("pending_full"), 1);
    let (mut other, mut bystander) = (Writer::new("another's", 3), Peer::connect(server.port()));
    bystander.say(&other.write("[1]"));
    bystander.await_known(&other.id(), &other.session, 1);
}

/// A client that follows what is written and reads nothing, and a bystander that reads all.
struct Deafened<'a> {
    server: &'a ServerProcess,
    deaf: Peer,
    bystander: Peer,
    writing: Peer,
    writer: Writer,
}

impl<'a> Deafened<'a> {
    /// Writes until the system takes no more for the deaf client and messages wait in its outbox.
    fn new(server: &'a ServerProcess) -> Self {
        let writer = Writer::new("followed", 1);
        let follow = || {
            let mut peer = Peer::connect(server.port());
            peer.say(&SyncMessage::Load(KnownState::empty(writer.id())));
            peer
        };
        let mut deafened = Self {
            server,
            deaf: follow(),
            bystander: follow(),
            writing: Peer::connect(server.port()),
            writer,
        };
        while deafened.waiting() == 0 {
            // It is no half-open connection: it lives, and does not read.
            let _ = deafened.deaf.say_raw(Message::Pong(Vec::new().into()));
            deafened.write(10);
        }
        deafened
    }

    /// Writes so many messages, of which more than 16 may be on their way to one client by their length.
    fn write(&mut self, count: u32) {
        for _ in 0..count {
            let message = self.writer.write(&changes(14_000));
            self.writing.say(&message);
            let (session, all) = (&self.writer.session, self.writer.count());
            self.writing.await_known(&self.writer.id(), session, all);
            self.bystander.await_message(|message| match message {
                SyncMessage::Content(content) => {
                    let piece = content.new.get(session)?;
                    (piece.end() == all as usize).then_some(())
                }
                _ => None,
            });
        }
    }

    /// How many messages wait in the deaf client's outbox: of each that was written two were put in outboxes, and those of
    /// the bystander have left.
    fn waiting(&self) -> u32 {
        let out = [("direction", "out"), ("kind", "content")];
        let taken = || {
            let scrape = self.server.scrape();
            scrape.value("pleione_sync_messages_total", &out)
        };
        let put = 2.0 * f64::from(self.writer.count());
        let end = Instant::now() + Duration::from_millis(500);
        while taken() < put && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        format!("{:.0}", put - taken()).parse().unwrap()
    }
}

#[test]
fn who_reads_nothing_is_closed_when_one_more_message_waits_than_may() {
    let server = server(&[("OUTBOX_MESSAGES_MAX", "16"), ("IDLE_SECONDS_MAX", "600")]);
    let mut deafened = Deafened::new(&server);
    deafened.write(16 - deafened.waiting());
    assert_eq!(deafened.waiting(), 16);
    assert_eq!(server.refused("slow_client"), 0);
    deafened.write(1);
    server.await_refused("slow_client", 1);
    deafened.write(10);
    assert_eq!(server.all_refused().len(), 1);
}

#[test]
fn who_takes_nothing_for_half_the_time_of_silence_is_closed_as_slow_and_not_as_silent() {
    let server = server(&[("IDLE_SECONDS_MAX", "8")]);
    let mut deafened = Deafened::new(&server);
    let _ = deafened.deaf.say_raw(Message::Pong(Vec::new().into()));
    server.await_refused("slow_client", 1);
    deafened.write(10);
    assert_eq!(server.all_refused().len(), 1);
}

#[test]
fn a_value_has_no_more_sessions_than_it_may() {
    let server = server(&[("SESSIONS_PER_VALUE_MAX", "2")]);
    let mut peer = Peer::connect(server.port());
    let mut writers = [1, 2, 3].map(|seed| Writer::new("crowded", seed));
    for writer in &mut writers[..2] {
        peer.say(&writer.write("[1]"));
        peer.await_known(&writer.id(), &writer.session, 1);
    }
    peer.say(&writers[2].write("[1]"));
    server.await_refused("too_many_sessions", 1);
    peer.say(&writers[0].write("[2]"));
    peer.await_known(&writers[0].id(), &writers[0].session, 2);
}

#[test]
fn an_account_writes_no_more_in_an_hour_than_it_may_and_others_do() {
    let server = server(&[
        ("ACCOUNT_BYTES_PER_HOUR_MAX", "2048"),
        ("ACCOUNT_VALUES_PER_HOUR_MAX", "2"),
    ]);
    let mut peer = Peer::connect(server.port());
    // Two values; the third is refused, also over another connection.
    for name in ["one", "two"] {
        let mut writer = Writer::new(name, 1);
        peer.say(&writer.write("[1]"));
        peer.await_known(&writer.id(), &writer.session, 1);
    }
    let mut elsewhere = Peer::connect(server.port());
    elsewhere.say(&Writer::new("three", 1).write("[1]"));
    server.await_refused("account_over_limit", 1);
    // Two writes of 1,024 bytes; the third is refused.
    let mut other = Writer::new("other's", 2);
    for count in 1..=2 {
        peer.say(&other.write(&changes(1_024)));
        peer.await_known(&other.id(), &other.session, count);
    }
    peer.say(&other.write("[1]"));
    server.await_refused("account_over_limit", 2);
    let mut third = Writer::new("a third's", 3);
    peer.say(&third.write("[1]"));
    peer.await_known(&third.id(), &third.session, 1);
}

#[test]
fn pings_of_a_client_are_paced_too() {
    let server = server(&[("MESSAGES_PER_SECOND_MAX", "10")]);
    let mut peer = Peer::connect(server.port());
    for _ in 0..60 {
        peer.say_raw(Message::Ping(Vec::new().into())).unwrap();
    }
    let begun = Instant::now();
    peer.say_text(&encode_frame([&SyncMessage::Load(KnownState::empty(
        Writer::new("asked", 9).id(),
    ))]))
    .unwrap();
    peer.await_message(|_| Some(()));
    assert!(begun.elapsed() > Duration::from_secs(1));
}
