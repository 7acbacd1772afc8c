//! Every kind of value, written to by three devices at random and exchanged at random: in the end all show the same, and
//! what grew bit by bit is what is read from the log at once.

use cojson::header::ValueType;
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{Change, NewBranch, NewValue, Node, Stamp};
use cojson::view::{BinaryInfo, MapChange, Moment};
use proptest::prelude::*;

use crate::world::{World, device, load, new_value, settle};

const NOW: u64 = 1_795_334_513_735;
const DEVICES: usize = 3;

/// What one device does.
#[derive(Clone, Debug)]
struct Step {
    device: usize,
    deed: u8,
    place: usize,
    letter: char,
    /// How far its clock is off.
    clock_ms: u64,
    /// Whether it exchanges with the server afterwards.
    is_online: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let device = 0..DEVICES;
    let fields = (
        device,
        0..12_u8,
        0..8_usize,
        prop::char::range('a', 'f'),
        0..6_u64,
        prop::bool::weighted(0.3),
    );
    fields.prop_map(|(device, deed, place, letter, clock_ms, is_online)| Step {
        device,
        deed,
        place,
        letter,
        clock_ms,
        is_online,
    })
}

/// One value of each kind, and a branch of the text.
struct Values {
    map: CoId,
    list: CoId,
    text: CoId,
    stream: CoId,
    bytes: CoId,
    branch: CoId,
}

impl Values {
    fn of(node: &mut Node) -> Self {
        let uniqueness = node.random_uniqueness();
        let bytes = NewValue::binary_stream(node.own_group(), uniqueness);
        let text = new_value(node, ValueType::CoPlainText, NOW);
        node.text_insert(&text, 0, &["x", "y"], at(0)).unwrap();
        let branch = NewBranch {
            source: text.clone(),
            name: "draft".to_owned(),
            owner: None,
        };
        node.load(&node.branch_id(&branch).unwrap());
        let _ = settle(node);
        Self {
            map: new_value(node, ValueType::CoMap, NOW),
            list: new_value(node, ValueType::CoList, NOW),
            stream: new_value(node, ValueType::CoStream, NOW),
            bytes: node.create(bytes, Timestamp(NOW)).unwrap(),
            branch: node.branch(&branch, Timestamp(NOW)).unwrap(),
            text,
        }
    }

    fn all(&self) -> [&CoId; 6] {
        [
            &self.map,
            &self.list,
            &self.text,
            &self.stream,
            &self.bytes,
            &self.branch,
        ]
    }
}

fn at(ms: u64) -> Stamp {
    Stamp::Now(Timestamp(NOW + ms))
}

fn do_step(node: &mut Node, values: &Values, step: &Step, now: u64) {
    let stamp = at(now + step.clock_ms);
    let letter = step.letter.to_string();
    let item = Json::from(letter.as_str());
    let len = node.list(&values.list).unwrap().len();
    let text = if step.deed.is_multiple_of(2) {
        &values.text
    } else {
        &values.branch
    };
    let text_len = node.list(text).unwrap().len();
    let begun = [Change::from(MapChange::set(&letter, item.clone()))];
    match step.deed {
        0 => node
            .map_set(&values.map, &[(letter.into(), item)], stamp)
            .map(drop),
        1 => node.map_delete(&values.map, &letter, stamp).map(drop),
        2 => node
            .transact_first(&values.map, "init", &begun, stamp)
            .map(drop),
        3 => node
            .list_insert(&values.list, step.place.min(len), &[item], stamp)
            .map(drop),
        4 if step.place < len => node.list_delete(&values.list, step.place, stamp).map(drop),
        5 if step.place < len => node
            .list_replace(&values.list, step.place, item, stamp)
            .map(drop),
        6 | 7 => node.text_insert(text, step.place.min(text_len), &[&letter, "-"], stamp),
        8 | 9 if step.place < text_len => node.text_delete(text, step.place, 1, stamp),
        10 => node.merge(&values.branch, Timestamp(NOW + now)).map(drop),
        _ if step.place == 0 => node.binary_start(&values.bytes, BinaryInfo::default(), stamp),
        _ if step.place == 1 => node.binary_end(&values.bytes, stamp),
        _ if step.place < 4 => node.binary_chunk(&values.bytes, letter.into_bytes(), stamp),
        _ => node.stream_push(&values.stream, item, stamp).map(drop),
    }
    .unwrap();
}

fn shown(node: &mut Node, values: &Values) -> Vec<String> {
    let bytes = node.binary(&values.bytes).unwrap().to_bytes();
    let texts = values
        .all()
        .into_iter()
        .map(|id| node.shown(id).unwrap().to_json().to_string());
    texts.chain([format!("{bytes:?}")]).collect()
}

fn sync_all(world: &mut World, nodes: &mut [Node]) {
    world.sync(&mut nodes.iter_mut().collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r10_every_kind_of_value_merges_alike_on_all_devices(steps in prop::collection::vec(step(), 1..40)) {
        let mut world = World::default();
        let mut nodes = [1, 2, 3].map(|number| device("alice", number));
        let values = Values::of(&mut nodes[0]);
        sync_all(&mut world, &mut nodes);
        for node in &mut nodes[1..] {
            load(&mut world, node, &values.all());
        }
        for (now, step) in (1..).zip(&steps) {
            let node = &mut nodes[step.device];
            do_step(node, &values, step, now);
            if step.is_online {
                world.sync(&mut [node]);
            }
        }
        sync_all(&mut world, &mut nodes);
        sync_all(&mut world, &mut nodes);
        let expected = shown(&mut nodes[0], &values);
        for node in &mut nodes {
            prop_assert_eq!(&shown(node, &values), &expected);
            for id in values.all() {
                let end = node.shown_at(id, &Moment::Time(Timestamp(u64::MAX))).unwrap();
                prop_assert_eq!(end.to_json(), node.shown(id).unwrap().to_json());
                node.close(id);
            }
            prop_assert_eq!(&shown(node, &values), &expected, "read anew");
        }
    }
}
