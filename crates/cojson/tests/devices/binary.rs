//! Streams of bytes: written in chunks, read as they come.

use cojson::header::ValueType;
use cojson::ids::{CoId, Timestamp};
use cojson::json::Json;
use cojson::node::{BINARY_CHUNK_BYTES, Change, NewValue, Node, Stamp, WriteError};
use cojson::view::{BinaryInfo, BinaryItem};

use crate::world::{World, device, load, new_value};

const NOW: u64 = 1_795_334_513_735;
const TOTAL: u32 = 250_000;

fn at(ms: u64) -> Stamp {
    Stamp::Now(Timestamp(NOW + ms))
}

fn new_stream(node: &mut Node) -> CoId {
    let uniqueness = node.random_uniqueness();
    let value = NewValue::binary_stream(node.own_group(), uniqueness);
    node.create(value, Timestamp(NOW)).unwrap()
}

fn info(total: u32) -> BinaryInfo {
    BinaryInfo {
        mime_type: "image/png".into(),
        file_name: Some("ein bild \"1\".png".into()),
        total_bytes: Some(total.into()),
    }
}

#[test]
fn bytes_come_back_as_they_were_written_and_tell_how_many_are_here() {
    let mut world = World::default();
    let (mut phone, mut laptop) = (device("alice", 1), device("alice", 2));
    let id = new_stream(&mut phone);
    let bytes: Vec<u8> = (0..TOTAL)
        .filter_map(|number| (number * 7 / 3).to_le_bytes().first().copied())
        .collect();
    assert!(phone.binary(&id).unwrap().info().is_none());
    phone.binary_start(&id, info(TOTAL), at(0)).unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    load(&mut world, &mut laptop, &[&id]);
    let mut loaded = Vec::new();
    for chunk in bytes.chunks(BINARY_CHUNK_BYTES) {
        phone.binary_chunk(&id, chunk.to_vec(), at(1)).unwrap();
        world.sync(&mut [&mut phone, &mut laptop]);
        let stream = laptop.binary(&id).unwrap();
        assert!(!stream.is_finished());
        loaded.push(stream.len());
    }
    assert_eq!(loaded, [102_400, 204_800, 250_000]);
    phone.binary_end(&id, at(2)).unwrap();
    world.sync(&mut [&mut phone, &mut laptop]);
    let stream = laptop.binary(&id).unwrap();
    assert!(stream.is_finished());
    assert_eq!(stream.info(), Some(&info(TOTAL)));
    assert!(stream.to_bytes() == bytes);
    assert_eq!(
        stream.to_json().to_string(),
        r#"{"mimeType":"image/png","fileName":"ein bild \"1\".png","totalSizeBytes":250000,"loadedBytes":250000,"isFinished":true}"#
    );
}

#[test]
fn what_comes_after_the_end_and_what_is_no_item_is_not_read() {
    let mut node = device("alice", 1);
    let id = new_stream(&mut node);
    node.binary_start(&id, BinaryInfo::default(), at(0))
        .unwrap();
    let junk = [
        Json::Null,
        Json::object([("type", Json::from("chunk"))]),
        Json::object(
            [("type", "chunk"), ("chunk", "binary_U!!!")]
                .map(|(key, text)| (key, Json::from(text))),
        ),
        Json::object([("type", Json::from("other"))]),
    ];
    let changes = junk.map(Change::Item);
    node.transact(&id, &changes, at(1)).unwrap();
    node.binary_chunk(&id, vec![1, 2, 255], at(2)).unwrap();
    node.binary_end(&id, at(3)).unwrap();
    node.binary_chunk(&id, vec![4], at(4)).unwrap();
    assert_eq!(node.binary(&id).unwrap().to_bytes(), [1, 2, 255]);
    let item = BinaryItem::Chunk(vec![251, 255, 1]).to_json();
    assert_eq!(
        item.to_string(),
        r#"{"type":"chunk","chunk":"binary_U-_8B"}"#
    );
}

#[test]
fn other_values_take_no_bytes() {
    let mut node = device("alice", 1);
    let stream = new_value(&mut node, ValueType::CoStream, NOW);
    let error = node.binary_chunk(&stream, vec![1], at(0)).unwrap_err();
    assert!(matches!(error, WriteError::WrongKind { .. }), "{error}");
    assert!(node.binary(&stream).is_none());
}
