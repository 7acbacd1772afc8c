//! `tell` and `ask`: between actors that run here, on another device, in another account; what a contract keeps out, and
//! what becomes of it.

use cojson::access::Role;
use cojson::group::Member;
use cojson::json::Json;
use engine::actor::{ActorId, Ticket};
use engine::machine::CallId;

use super::device::{Device, Storage};
use super::fixtures::json;
use super::network::Network;

/// Answers PRICE at once, LATER when it is told NOW, and PRICE of what costs nothing with a refusal.
fn shop() -> Json {
    json(
        r#"{"id":"shop","context":{"asked":0,"asker":null},
        "interface":{"PRICE":{"type":"object","required":["of"]},"LATER":true,"NOW":true,"IGNORED":true},
        "state":{"initial":"open","states":{"open":{"on":{
            "PRICE":[
                {"guard":{"$eq":["$$of","air"]},"actions":{"tool":"@core/tell","payload":{
                    "target":"$$replyTo","type":"ERROR","payload":{"type":"free","message":"it costs nothing"}}}},
                {"actions":[
                    {"updateContext":{"asked":{"$add":["$asked",1]}}},
                    {"tool":"@core/tell","payload":{"target":"$$replyTo","payload":{"of":"$$of","price":7}}}]}],
            "LATER":{"actions":{"updateContext":{"asker":"$$replyTo"}}},
            "NOW":{"actions":{"tool":"@core/tell","payload":{"target":"$asker","payload":{"price":8}}}}}}}}}"#,
    )
}

fn buyer() -> Json {
    json(
        r#"{"id":"buyer","context":{"price":null,"problem":null},"state":{"initial":"idle","states":{
            "idle":{"on":{"BUY":"asking"}},
            "asking":{"invoke":{"tool":"@core/ask","payload":{
                    "target":{"$if":{"condition":"$$space","then":{"actor":"shop","space":"$$space"},"else":"shop"}},
                    "type":"$$type","payload":{"of":"$$of"},"timeout":10000},
                "onDone":{"target":"idle","actions":{"updateContext":{"price":"$$result.price"}}},
                "onError":{"target":"idle","actions":{"updateContext":{"problem":"$$errors.0.type"}}}},
                "on":{"STOP":"idle"}}}}}"#,
    )
}

fn both() -> (Device, ActorId, ActorId) {
    let mut device = Device::new(1);
    let (shop, buyer) = (device.create(&shop()), device.create(&buyer()));
    (device, shop, buyer)
}

fn shown(device: &mut Device, actor: &ActorId, key: &str) -> String {
    device.context(actor).get(key).unwrap().to_string()
}

fn letters(device: &mut Device) -> Vec<Json> {
    device.settle();
    let letters = device.engine.dead_letters().value();
    letters.as_array().unwrap().to_vec()
}

fn codes(device: &mut Device) -> Vec<String> {
    let letters = letters(device);
    let code = |letter: &Json| letter.get("code").unwrap().as_str().unwrap().to_owned();
    letters.iter().map(code).collect()
}

/// Lets time pass until after the question's time-out.
fn wait(device: &mut Device) {
    device.now = device.now.plus_ms(11_000);
    device.settle();
}

#[test]
fn r1_what_is_asked_of_an_actor_that_runs_here_is_answered_in_the_same_task_and_write() {
    let (mut device, shop, buyer) = both();
    device.writes.clear();
    device.queue(&buyer, "BUY", r#"{"type":"PRICE","of":"tea"}"#);
    device.turn();
    assert_eq!(shown(&mut device, &buyer, "price"), "7");
    assert_eq!(shown(&mut device, &shop, "asked"), "1");
    assert_eq!(device.state(&buyer), "idle");
    device.settle();
    assert_eq!(device.writes.len(), 1, "both contexts, and no inbox");
    assert_eq!(device.writes[0].values.len(), 2);
}

#[test]
fn r3_a_question_outlives_a_crash_and_is_not_asked_again() {
    let (mut device, shop, buyer) = both();
    device.send(&buyer, "BUY", r#"{"type":"LATER"}"#);
    assert_eq!(device.state(&buyer), "asking");
    let mut restarted = device.restart(1, &[]);
    restarted.create(&super::asking::shop());
    restarted.create(&super::asking::buyer());
    restarted.send(&shop, "NOW", "{}");
    assert_eq!(restarted.state(&buyer), "idle");
    assert_eq!(shown(&mut restarted, &buyer, "price"), "8");
}

#[test]
fn r3_an_answer_that_came_while_nobody_was_there_is_taken_after_the_crash() {
    let (mut device, shop, buyer) = both();
    device.send(&buyer, "BUY", r#"{"type":"LATER"}"#);
    // Only the shop runs in the second life: its answer waits in the buyer's inbox.
    let mut second = device.restart(1, &[]);
    second.create(&super::asking::shop());
    second.send(&shop, "NOW", "{}");
    let mut third = second.restart(1, &[]);
    third.create(&super::asking::buyer());
    third.engine.set_driver(&buyer, true);
    third.settle();
    assert_eq!(shown(&mut third, &buyer, "price"), "8");
    assert_eq!(codes(&mut third), Vec::<String>::new());
}

#[test]
fn a_question_that_nobody_answers_times_out_and_a_late_answer_is_a_dead_letter() {
    let (mut device, shop, buyer) = both();
    device.send(&buyer, "BUY", r#"{"type":"LATER"}"#);
    wait(&mut device);
    assert_eq!(shown(&mut device, &buyer, "problem"), r#""timeout""#);
    device.send(&shop, "NOW", "{}");
    assert_eq!(codes(&mut device), ["PLEIONE_E_LATE_REPLY"]);
    assert_eq!(shown(&mut device, &buyer, "price"), "null");
}

#[test]
fn a_question_is_given_up_with_the_state_that_asked() {
    let (mut device, shop, buyer) = both();
    device.send(&buyer, "BUY", r#"{"type":"LATER"}"#);
    device.send(&buyer, "STOP", "{}");
    device.send(&shop, "NOW", "{}");
    assert_eq!(shown(&mut device, &buyer, "price"), "null");
    assert_eq!(device.engine.next_deadline(), None);
}

#[test]
fn a_refusal_reaches_who_asked_whether_the_receiver_says_it_or_cannot_take_the_question() {
    let (mut device, _, buyer) = both();
    for (event, problem) in [
        (r#"{"type":"PRICE","of":"air"}"#, r#""free""#),
        (r#"{"type":"UNKNOWN"}"#, r#""contract""#),
        (r#"{"type":"PRICE"}"#, r#""schema""#),
        (r#"{"type":"IGNORED"}"#, r#""unhandled""#),
    ] {
        device.send(&buyer, "BUY", event);
        assert_eq!(shown(&mut device, &buyer, "problem"), problem, "{event}");
        assert_eq!(device.state(&buyer), "idle");
    }
    assert_eq!(codes(&mut device), ["PLEIONE_E_UNHANDLED"]);
}

#[test]
fn the_host_lets_an_actor_tell_and_ask() {
    let (mut device, shop, buyer) = both();
    let ask = |device: &mut Device, message: &str| -> Ticket {
        let ticket = device.engine.ask(&buyer, &json(message)).unwrap();
        device.settle();
        ticket
    };
    let ticket = ask(
        &mut device,
        r#"{"target":"shop","type":"PRICE","payload":{"of":"tea"}}"#,
    );
    let answer = device.answered.remove(&ticket).unwrap().unwrap();
    assert_eq!(answer.to_string(), r#"{"of":"tea","price":7}"#);
    let ticket = ask(
        &mut device,
        r#"{"target":"shop","type":"LATER","timeout":50}"#,
    );
    assert!(!device.answered.contains_key(&ticket));
    wait(&mut device);
    let failure = device.answered.remove(&ticket).unwrap().unwrap_err();
    assert_eq!(&*failure.errors[0].error_type, "timeout");

    let told = r#"{"target":"shop","type":"PRICE","payload":{"of":"air"}}"#;
    let ticket = device.engine.tell(&buyer, &json(told)).unwrap();
    device.settle();
    assert!(device.handled.remove(&ticket).unwrap().unwrap());
    let refused = r#"{"target":"shop","type":"NO"}"#;
    let ticket = device.engine.tell(&buyer, &json(refused)).unwrap();
    device.settle();
    let error = device.handled.remove(&ticket).unwrap().unwrap_err();
    assert_eq!(error.code(), "PLEIONE_E_NOT_TOLD");
    assert_eq!(shown(&mut device, &shop, "asked"), "1");
}

#[test]
fn a_question_that_does_not_say_how_long_it_waits_waits_ten_seconds() {
    let (mut device, _, buyer) = both();
    let question = json(r#"{"target":"shop","type":"LATER"}"#);
    let ticket = device.engine.ask(&buyer, &question).unwrap();
    device.settle();
    let asked = device.now;
    device.now = asked.plus_ms(9_000);
    device.settle();
    assert!(!device.answered.contains_key(&ticket));
    device.now = asked.plus_ms(10_000);
    device.settle();
    let failure = device.answered.remove(&ticket).unwrap().unwrap_err();
    assert_eq!(&*failure.errors[0].error_type, "timeout");
}

#[test]
fn of_dead_letters_the_newest_hundred_are_kept() {
    let (mut device, shop, buyer) = both();
    for number in 0..103 {
        let message = format!(r#"{{"target":"shop","type":"IGNORED","payload":{{"n":{number}}}}}"#);
        device.engine.tell(&buyer, &json(&message)).unwrap();
        device.settle();
    }
    let numbers = |device: &mut Device| -> Vec<String> {
        let letters = letters(device).into_iter();
        let number = |letter: Json| letter.get("payload").unwrap().get("n").unwrap().to_string();
        letters.map(number).collect()
    };
    let kept: Vec<String> = (3..103).map(|number| number.to_string()).collect();
    assert_eq!(numbers(&mut device), kept);
    let mut restarted = device.restart(1, &[]);
    assert_eq!(restarted.create(&super::asking::shop()), shop);
    assert_eq!(numbers(&mut restarted), kept);
}

/// Two devices: the shop runs on the first, the buyer on the second, both in the first one's open group.
fn apart(accounts: [u8; 2]) -> (Network, ActorId, ActorId, String) {
    let device = |account, number| Device::of_account(account, Storage::default(), number, &[]);
    let mut network = Network::new(vec![device(accounts[0], 1), device(accounts[1], 2)]);
    network.connect(0);
    network.connect(1);
    let now = network.devices[0].now;
    let node = network.devices[0].engine.node_mut();
    let space = node.create_group(now);
    node.add_member(&space, &Member::Everyone, Role::Writer, now)
        .unwrap();
    network.settle();
    let at_home = shop()
        .to_string()
        .replacen('{', &format!(r#"{{"space":"{space}","#), 1);
    let shop = network.devices[0].create(&json(&at_home));
    network.devices[0].engine.set_driver(&shop, true);
    let buyer = network.devices[1].create(&buyer());
    network.devices[1].engine.set_driver(&buyer, true);
    network.settle();
    (network, shop, buyer, space.to_string())
}

#[test]
fn an_actor_tells_and_asks_one_of_another_device_of_its_account_and_is_answered() {
    asks_over_the_network([7, 7]);
}

#[test]
fn an_actor_tells_and_asks_one_of_another_account_and_is_answered_if_its_space_is_open() {
    asks_over_the_network([7, 8]);
}

fn asks_over_the_network(accounts: [u8; 2]) {
    let (mut network, shop, buyer, space) = apart(accounts);
    if accounts[0] != accounts[1] {
        // The answer goes to the buyer's own space, which the shop's account may not write to.
        open_own_group(&mut network.devices[1]);
        network.settle();
    }
    let buy = format!(r#"{{"type":"PRICE","of":"tea","space":"{space}"}}"#);
    network.devices[1].send(&buyer, "BUY", &buy);
    assert_eq!(network.devices[1].state(&buyer), "asking");
    network.pass(6_000);
    assert_eq!(shown(&mut network.devices[0], &shop, "asked"), "1");
    assert_eq!(network.devices[1].state(&buyer), "idle");
    assert_eq!(shown(&mut network.devices[1], &buyer, "price"), "7");
}

fn open_own_group(device: &mut Device) {
    let now = device.now;
    let node = device.engine.node_mut();
    let own = node.own_group();
    node.add_member(&own, &Member::Everyone, Role::Writer, now)
        .unwrap();
    device.settle();
}

#[test]
fn a_contract_is_checked_at_the_sender_though_the_receiver_runs_elsewhere() {
    let (mut network, shop, buyer, space) = apart([7, 8]);
    for (event, problem) in [
        (r#""UNKNOWN""#, r#""contract""#),
        (r#""PRICE""#, r#""schema""#),
    ] {
        let buy = format!(r#"{{"type":{event},"space":"{space}"}}"#);
        network.devices[1].send(&buyer, "BUY", &buy);
        network.settle();
        assert_eq!(shown(&mut network.devices[1], &buyer, "problem"), problem);
    }
    assert_eq!(shown(&mut network.devices[0], &shop, "asked"), "0");
    assert_eq!(
        codes(&mut network.devices[0]),
        Vec::<String>::new(),
        "nothing was sent"
    );
}

#[test]
fn what_the_sender_let_through_is_checked_by_the_receiver_and_becomes_a_dead_letter() {
    let (mut device, shop, _) = both();
    // Somebody wrote to the inbox who knows no contract.
    let mut stranger = Device::over(std::rc::Rc::clone(&device.storage), 2, &[]);
    let node = stranger.engine.node_mut();
    let inbox = node.named_id(&cojson::node::NewValue {
        value_type: cojson::header::ValueType::CoStream,
        owner: node.own_group(),
        uniqueness: cojson::header::Uniqueness::named([("actor", "shop"), ("part", "inbox")]),
        meta: Json::Null,
    });
    node.load(&inbox);
    stranger.settle();
    stranger.writes.clear();
    let big = "x".repeat(5_000);
    for item in [
        r#"{"type":"PRICE","payload":{},"source":"stranger"}"#.to_owned(),
        format!(r#"{{"type":"HACK","payload":{{"big":"{big}"}}}}"#),
        r#"{"type":"REPLY","payload":{},"call":"forged"}"#.to_owned(),
        r#"["no message"]"#.to_owned(),
        r#"{"type":"PRICE","payload":{"of":"tea"}}"#.to_owned(),
    ] {
        let stamp = cojson::node::Stamp::Now(stranger.now);
        let node = stranger.engine.node_mut();
        node.stream_push(&inbox, json(&item), stamp).unwrap();
    }
    stranger.settle();
    device.hear(&stranger.writes);
    device.engine.set_driver(&shop, true);
    device.settle();
    let expected = [
        "PLEIONE_E_INVALID_PAYLOAD",
        "PLEIONE_E_NOT_IN_CONTRACT",
        "PLEIONE_E_LATE_REPLY",
        "PLEIONE_E_NOT_IN_CONTRACT",
    ];
    assert_eq!(codes(&mut device), expected);
    assert_eq!(
        shown(&mut device, &shop, "asked"),
        "1",
        "they stop no other"
    );
    let kept = letters(&mut device);
    assert_eq!(kept[0].get("source").unwrap().as_str(), Some("stranger"));
    assert!(
        kept[1].get("payload").unwrap().is_null(),
        "too large to keep"
    );

    let mut restarted = device.restart(1, &[]);
    restarted.create(&super::asking::shop());
    restarted.engine.set_driver(&shop, true);
    assert_eq!(
        codes(&mut restarted),
        expected,
        "persistent, and not once more"
    );
    let id = CallId::new(kept[0].get("id").unwrap().as_str().unwrap());
    restarted.engine.discard_dead_letter(&shop, &id);
    assert_eq!(codes(&mut restarted), expected[1..]);
    let mut again = restarted.restart(1, &[]);
    again.create(&super::asking::shop());
    assert_eq!(codes(&mut again), expected[1..], "discarded for good");
}

#[test]
fn who_may_not_write_to_an_inbox_is_told_so() {
    let (mut network, _, buyer, _) = apart([7, 8]);
    let now = network.devices[0].now;
    let closed = network.devices[0].engine.node_mut().create_group(now);
    network.settle();
    let buy = format!(r#"{{"type":"PRICE","of":"tea","space":"{closed}"}}"#);
    network.devices[1].send(&buyer, "BUY", &buy);
    network.settle();
    assert_eq!(
        shown(&mut network.devices[1], &buyer, "problem"),
        r#""permission""#
    );
}

#[test]
fn r1_what_actors_tell_each_other_is_not_lost_when_the_task_ends_before_they_do() {
    let player = |id: &str, other: &str| {
        let text = r#"{"id":"ME","context":{"n":0},"state":{"initial":"a","states":{"a":{"on":{"BALL":{
            "guard":{"$lt":["$n",6000]},"actions":[
                {"updateContext":{"n":{"$add":["$n",1]}}},
                {"tool":"@core/tell","payload":{"target":"OTHER","type":"BALL"}}]}}}}}}"#;
        json(&text.replace("ME", id).replace("OTHER", other))
    };
    let start = |device: &mut Device| {
        for (id, other) in [("one", "two"), ("two", "one")] {
            let actor = device.create(&player(id, other));
            device.engine.set_driver(&actor, true);
        }
        device.settle();
    };
    let one = ActorId::new("one");
    let mut device = Device::new(1);
    start(&mut device);
    device.queue(&one, "BALL", "{}");
    device.turn();
    let first = shown(&mut device, &one, "n");
    assert_ne!(first, "6000", "the task has an end");
    // The ball is in an inbox now, and in play again after a crash.
    let mut restarted = device.restart(1, &[]);
    start(&mut restarted);
    assert_eq!(shown(&mut restarted, &one, "n"), "6000");
}
