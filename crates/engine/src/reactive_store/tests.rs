//! Who is told what, when subscribers fail, set, subscribe and unsubscribe.

use super::*;

/// What subscribers were told: `a1 b1 a2`.
#[derive(Clone, Default)]
struct Heard(Rc<RefCell<Vec<String>>>);

impl Heard {
    fn note(&self, name: &str, value: &Json) {
        self.0.borrow_mut().push(format!("{name}{value}"));
    }

    fn subscriber(&self, name: &'static str) -> impl FnMut(&Json) -> Result<(), String> + 'static {
        let heard = self.clone();
        move |value| {
            heard.note(name, value);
            Ok(())
        }
    }

    fn check(&self, expected: &str) {
        assert_eq!(self.0.borrow().join(" "), expected);
    }
}

fn number(value: u32) -> Json {
    Json::from(value)
}

#[test]
fn subscribers_hear_the_value_now_and_every_change() {
    let (store, heard) = (ReactiveStore::new(number(1)), Heard::default());
    let _a = store.subscribe(heard.subscriber("a"), false);
    let _b = store.subscribe(heard.subscriber("b"), true);
    heard.check("a1");
    assert!(store.set(number(2)).is_empty());
    heard.check("a1 a2 b2");
    assert_eq!(store.value(), number(2));
    store.set(number(2));
    heard.check("a1 a2 b2");
}

#[test]
fn r7_a_subscriber_that_fails_stops_no_other() {
    let (store, heard) = (ReactiveStore::new(number(1)), Heard::default());
    let failing = store.subscribe(|value| Err(format!("no {value}")), false);
    assert_eq!(failing.first_failure.as_deref(), Some("no 1"));
    let _b = store.subscribe(heard.subscriber("b"), true);
    assert_eq!(store.set(number(2)), ["no 2"]);
    heard.check("b2");
    assert_eq!(store.set(number(3)), ["no 3"]);
    heard.check("b2 b3");
}

#[test]
fn r5_a_subscriber_that_sets_again_leaves_everybody_at_the_newest_value() {
    let (store, heard) = (ReactiveStore::new(number(0)), Heard::default());
    let _a = store.subscribe(heard.subscriber("a"), true);
    let setter = {
        let (store, heard) = (store.clone(), heard.clone());
        move |value: &Json| {
            heard.note("s", value);
            if *value == number(1) {
                assert!(store.set(number(2)).is_empty());
                assert_eq!(store.value(), number(2));
            }
            Ok(())
        }
    };
    let _s = store.subscribe(setter, true);
    let _b = store.subscribe(heard.subscriber("b"), true);
    store.set(number(1));
    heard.check("a1 s1 b2 a2 s2");
}

#[test]
fn a_subscriber_may_set_while_it_hears_the_first_value() {
    let (store, heard) = (ReactiveStore::new(number(0)), Heard::default());
    let _a = store.subscribe(heard.subscriber("a"), true);
    let setter = {
        let (store, heard) = (store.clone(), heard.clone());
        move |value: &Json| {
            heard.note("s", value);
            store.set(number(1));
            Ok(())
        }
    };
    let _s = store.subscribe(setter, false);
    heard.check("s0 a1 s1");
}

#[test]
fn a_loop_of_sets_is_cut_and_told() {
    let store = ReactiveStore::new(number(0));
    let looping = {
        let store = store.clone();
        move |value: &Json| {
            store.set(Json::from(value.as_number().unwrap() + 1.0));
            Ok(())
        }
    };
    let _subscription = store.subscribe(looping, true);
    let failures = store.set(number(1));
    assert!(failures[0].contains("1000 times"), "{failures:?}");
}

#[test]
fn one_that_unsubscribes_another_while_it_is_told_has_it_hear_nothing_more() {
    let (store, heard) = (ReactiveStore::new(number(0)), Heard::default());
    let other = Rc::new(RefCell::new(None));
    let killer = {
        let other = Rc::clone(&other);
        move |_: &Json| {
            drop(other.take());
            Ok(())
        }
    };
    let _killer = store.subscribe(killer, true);
    other.replace(Some(store.subscribe(heard.subscriber("o"), true)));
    let _last = store.subscribe(heard.subscriber("l"), true);
    store.set(number(1));
    heard.check("l1");
    assert_eq!(store.subscriber_count(), 2);
}

#[test]
fn one_that_unsubscribes_itself_while_it_is_told_is_freed() {
    let store = ReactiveStore::new(number(0));
    let held = Rc::new(());
    let own: Rc<RefCell<Option<Subscription>>> = Rc::default();
    let once = {
        let (own, held) = (Rc::clone(&own), Rc::clone(&held));
        move |_: &Json| {
            drop(own.take());
            assert_eq!(Rc::strong_count(&held), 2);
            Ok(())
        }
    };
    own.replace(Some(store.subscribe(once, true)));
    store.set(number(1));
    assert_eq!((store.subscriber_count(), Rc::strong_count(&held)), (0, 1));
    assert!(store.set(number(2)).is_empty());
}

#[test]
fn one_that_subscribes_while_it_is_told_has_the_new_one_hear_the_newest_once() {
    let (store, heard) = (ReactiveStore::new(number(0)), Heard::default());
    let kept = Rc::new(RefCell::new(Vec::new()));
    let adding = {
        let (store, heard, kept) = (store.clone(), heard.clone(), Rc::clone(&kept));
        move |_: &Json| {
            kept.borrow_mut()
                .push(store.subscribe(heard.subscriber("n"), false));
            Ok(())
        }
    };
    let _adding = store.subscribe(adding, true);
    store.set(number(1));
    heard.check("n1");
    store.set(number(2));
    heard.check("n1 n2 n2");
    kept.borrow_mut().clear();
    assert_eq!(store.subscriber_count(), 1);
}

#[test]
fn r7_a_subscription_that_outlives_its_store_ends_quietly() {
    let store = ReactiveStore::new(number(0));
    let subscription = store.subscribe(|_| Ok(()), true);
    drop(store);
    subscription.unsubscribe();
}
