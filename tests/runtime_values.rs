//! Values as JavaScript has them: texts, bytes, the past, branches, deletion, over a real database.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![allow(clippy::float_cmp, reason = "counts, which doubles hold exactly")]

use cojson::ids::CoId;
use js_sys::{Array, Reflect, Uint8Array};
use pleione::Runtime;
use pleione::runtime::{CoBinaryStream, CoMap, CoPlainText};
use pleione::storage::{Storage, segment};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

#[path = "support/js.rs"]
mod js;
#[path = "support/browser.rs"]
mod support;
use js::*;
use support::{delete_database, fresh_name};

wasm_bindgen_test_configure!(run_in_browser);

fn get(object: &JsValue, key: &str) -> JsValue {
    Reflect::get(object, &key.into()).unwrap()
}

#[wasm_bindgen_test]
async fn a_text_is_edited_in_graphemes_and_is_a_string_in_stores() {
    let name = fresh_name("text");
    let runtime = open_local(&name).await;
    let family = "👩‍👩‍👧";
    let init = Some(format!("h{family}llo\r\n"));
    let note = runtime
        .create_plain_text(init, &JsValue::UNDEFINED, &JsValue::UNDEFINED)
        .unwrap();
    assert_eq!(note.length().unwrap(), 6);
    let store = load(&runtime, &note.id()).await;
    note.delete(1, None).unwrap();
    note.insert(1, "e\u{301}").unwrap();
    assert_eq!(note.length().unwrap(), 6);
    note.replace("he\u{301}llo, world").unwrap();
    assert_eq!(note.to_text().unwrap(), "he\u{301}llo, world");
    note.delete(0, Some(7)).unwrap();
    runtime.settled().await.unwrap();
    assert_eq!(store.value(), "world");
    assert_eq!(
        code(&note.insert(6, "x").unwrap_err()),
        "PLEIONE_E_NO_SUCH_ITEM"
    );
    assert_eq!(
        code(&note.delete(4, Some(2)).unwrap_err()),
        "PLEIONE_E_NO_SUCH_ITEM"
    );
    runtime.close().await.unwrap();

    let runtime = open_local(&name).await;
    let note: CoPlainText = made(runtime.load_plain_text(note.id())).await;
    assert_eq!(note.to_json().unwrap(), "world");
    note.insert(5, "!").unwrap();
    assert_eq!(note.to_text().unwrap(), "world!");
    runtime.close().await.unwrap();
    delete_database(&name).await;
}

/// A file of so many bytes that tell where they are.
fn file(length: u32) -> (JsValue, Vec<u8>) {
    let bytes: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
    let make = "return new File([bytes], 'a file.bin', { type: 'application/x-test' })";
    let make = js_sys::Function::new_with_args("bytes", make);
    let array = Uint8Array::from(bytes.as_slice());
    let file = make.call1(&JsValue::UNDEFINED, &array).unwrap();
    (file, bytes)
}

fn progress_sink() -> (Array, JsValue) {
    let told = Array::new();
    let sink = told.clone();
    let listener = Closure::<dyn FnMut(JsValue)>::new(move |progress: JsValue| {
        sink.push(&JsValue::from_str(&text(&progress)));
    });
    (told, listener.into_js_value())
}

async fn bytes_of_blob(stream: &CoBinaryStream) -> Vec<u8> {
    let read = js_sys::Function::new_with_args("blob", "return blob.arrayBuffer()");
    let promise = read
        .call1(&JsValue::UNDEFINED, &stream.to_blob().unwrap())
        .unwrap();
    let buffer = JsFuture::from(promise.unchecked_into::<js_sys::Promise>()).await;
    Uint8Array::new(&buffer.unwrap()).to_vec()
}

#[wasm_bindgen_test]
async fn a_file_becomes_a_stream_in_pieces_and_a_file_again() {
    let name = fresh_name("binary");
    let runtime = open_local(&name).await;
    let (source, bytes) = file(2_000_000);
    let (told, on_progress) = progress_sink();
    let options = js_sys::Object::new();
    Reflect::set(&options, &"onProgress".into(), &on_progress).unwrap();
    let before = runtime.stats();
    let stream = runtime
        .create_binary_stream(source, options.into())
        .await
        .unwrap();
    assert_eq!(told.length(), 20);
    assert_eq!(told.get(0), r#"{"done":102400,"total":2000000}"#);
    assert_eq!(told.get(19), r#"{"done":2000000,"total":2000000}"#);
    // Sixteen chunks were durable before the last was read: no file is in memory alone.
    assert!(number(&runtime.stats(), "transactions") - number(&before, "transactions") >= 16.0);
    runtime.settled().await.unwrap();
    runtime.close().await.unwrap();

    let runtime = open_local(&name).await;
    let (told, on_progress) = progress_sink();
    let on_progress = Some(on_progress.unchecked_into());
    let stream: CoBinaryStream = made(runtime.load_binary_stream(stream.id(), on_progress)).await;
    assert!(stream.to_bytes().unwrap().to_vec() == bytes);
    assert!(bytes_of_blob(&stream).await == bytes);
    assert_eq!(
        get(&stream.to_blob().unwrap(), "type"),
        "application/x-test"
    );
    assert_eq!(
        text(&stream.to_json().unwrap()),
        r#"{"mimeType":"application/x-test","fileName":"a file.bin","totalSizeBytes":2000000,"loadedBytes":2000000,"isFinished":true}"#
    );
    let last = told.get(told.length() - 1);
    assert_eq!(last, r#"{"done":2000000,"total":2000000}"#);
    runtime.close().await.unwrap();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn bytes_come_from_arrays_too_and_from_nothing_else() {
    let runtime = open("bytes", r#"{"storage": "memory"}"#).await.unwrap();
    let all = Uint8Array::from(&[9, 1, 2, 3, 9][..]);
    for source in [
        JsValue::from(all.subarray(1, 4)),
        all.slice(1, 4).buffer().into(),
    ] {
        let stream = runtime
            .create_binary_stream(source, JsValue::UNDEFINED)
            .await
            .unwrap();
        assert_eq!(stream.to_bytes().unwrap().to_vec(), [1, 2, 3]);
        let info = stream.to_json().unwrap();
        assert_eq!(get(&info, "mimeType"), "application/octet-stream");
    }
    let empty = Uint8Array::new_with_length(0).into();
    let empty = runtime
        .create_binary_stream(empty, JsValue::UNDEFINED)
        .await
        .unwrap();
    assert_eq!(get(&empty.to_json().unwrap(), "isFinished"), true);
    let refused = runtime
        .create_binary_stream("text".into(), JsValue::UNDEFINED)
        .await;
    assert_eq!(code(&refused.err().unwrap()), "PLEIONE_E_OPTION");
    runtime.close().await.unwrap();
}

#[wasm_bindgen_test]
async fn values_look_back_to_a_time_a_date_or_what_somebody_had() {
    let runtime = open("past", r#"{"storage": "memory"}"#).await.unwrap();
    let map = map(&runtime, r#"{"n": 1}"#);
    let frontier = map.frontier().unwrap();
    support::sleep_ms(5).await;
    set(&map, "n", 2);
    support::sleep_ms(5).await;
    map.delete("n").unwrap();
    let history = Array::from(&map.history().unwrap());
    assert_eq!(history.length(), 3);
    let times: Vec<f64> = history.iter().map(|edit| number(&edit, "madeAt")).collect();
    assert!(times.is_sorted() && times[0] < times[1], "{times:?}");
    let first = history.get(0);
    assert_eq!(get(&first, "by").as_string(), runtime.account_id().ok());
    assert_eq!(
        text(&get(&first, "changes")),
        r#"[{"op":"set","key":"n","value":1}]"#
    );
    for (moment, expected) in [
        (times[0].into(), r#"{"n":1}"#),
        (js_sys::Date::new(&times[1].into()).into(), r#"{"n":2}"#),
        (times[2].into(), "{}"),
        ((times[0] - 1.0).into(), "{}"),
        (frontier, r#"{"n":1}"#),
        (map.frontier().unwrap(), "{}"),
    ] {
        assert_eq!(text(&map.at(&moment).unwrap()), expected);
    }
    let edits = Array::from(&map.edits_by("n").unwrap());
    let value = |place| get(&edits.get(place), "value");
    assert_eq!(
        (value(0), value(1), edits.length()),
        (1.into(), 2.into(), 3)
    );
    assert!(value(2).is_undefined());
    assert_eq!(Array::from(&map.edits_by("other").unwrap()).length(), 0);
    for wrong in [JsValue::NULL, "yesterday".into(), json(r#"{"a": 1}"#)] {
        assert!(map.at(&wrong).is_err(), "{wrong:?}");
    }

    let list = runtime.create_list(
        Some(json("[1, 2]").unchecked_into()),
        &JsValue::UNDEFINED,
        &JsValue::UNDEFINED,
    );
    let list = list.unwrap();
    let then = list.frontier().unwrap();
    list.append(&json("[3]").unchecked_into()).unwrap();
    assert_eq!(text(&list.at(&then).unwrap()), "[1,2]");
    let note = runtime
        .create_plain_text(Some("ab".into()), &JsValue::UNDEFINED, &JsValue::UNDEFINED)
        .unwrap();
    let then = note.frontier().unwrap();
    note.replace("b").unwrap();
    assert_eq!(note.at(&then).unwrap(), "ab");
    let stream = runtime.create_stream(&JsValue::UNDEFINED).unwrap();
    stream.push(&1.into()).unwrap();
    let then = stream.frontier().unwrap();
    stream.push(&2.into()).unwrap();
    assert_eq!(
        text(&stream.at(&then).unwrap()),
        text(&stream.to_json().unwrap()).replace("1,2", "1")
    );
    runtime.close().await.unwrap();
}

async fn begin(runtime: &Runtime, source: &str) -> String {
    let name = "draft".to_owned();
    let branch = runtime.branch(source.to_owned(), name, JsValue::UNDEFINED);
    branch.await.unwrap().as_string().unwrap()
}

#[wasm_bindgen_test]
async fn a_branch_is_begun_edited_and_merged_over_a_reload() {
    let name = fresh_name("branch");
    let runtime = open_local(&name).await;
    let source = map(&runtime, r#"{"title": "old"}"#);
    let id = begin(&runtime, &source.id()).await;
    let draft: CoMap = made(runtime.load_map(id.clone())).await;
    set(&draft, "title", "new");
    assert_eq!(text(&source.to_json().unwrap()), r#"{"title":"old"}"#);
    runtime.close().await.unwrap();

    let runtime = open_local(&name).await;
    assert_eq!(begin(&runtime, &source.id()).await, id);
    let draft: CoMap = made(runtime.load_map(id.clone())).await;
    assert_eq!(
        Array::from(&draft.history().unwrap()).length(),
        3,
        "not begun twice"
    );
    let store = load(&runtime, &source.id()).await;
    assert_eq!(runtime.merge(id).await.unwrap(), source.id().as_str());
    runtime.settled().await.unwrap();
    assert_eq!(text(&store.value()), r#"{"title":"new"}"#);
    let refused = runtime.merge(source.id()).await.unwrap_err();
    assert_eq!(code(&refused), "PLEIONE_E_WRONG_KIND");
    runtime.close().await.unwrap();
    delete_database(&name).await;
}

#[wasm_bindgen_test]
async fn what_is_deleted_stays_deleted() {
    let name = fresh_name("deletion");
    let runtime = open_local(&name).await;
    let map = map(&runtime, r#"{"a": 1}"#);
    let store = load(&runtime, &map.id()).await;
    let (told, _unsubscribe) = listen(&store);
    runtime.delete(map.id()).await.unwrap();
    runtime.settled().await.unwrap();
    assert_eq!(told.borrow().last().unwrap(), "null");
    let refused = map.set(&"a".into(), &2.into()).unwrap_err();
    assert_eq!(code(&refused), "PLEIONE_E_DELETED");
    runtime.close().await.unwrap();

    // What it was is not in the database any more.
    let database = Storage::open(&name).await.unwrap();
    let id = CoId::parse(&map.id()).unwrap();
    let kept = database.read(&[id]).await.unwrap().remove(0);
    let sessions = kept.segments.iter().map(|bytes| segment(bytes).unwrap());
    let sessions: Vec<_> = sessions.map(|segment| segment.session).collect();
    assert!(kept.header.is_some());
    assert_eq!(sessions.len(), 1);
    assert!(sessions[0].is_delete(), "{sessions:?}");
    database.close();

    let runtime = open_local(&name).await;
    let refused = runtime.load(map.id()).await.unwrap_err();
    assert_eq!(code(&refused), "PLEIONE_E_DELETED");
    assert_eq!(get(&refused, "place").as_string(), Some(map.id()));
    let group = runtime.create_group().unwrap();
    assert!(runtime.delete(group.id()).await.is_err());
    runtime.close().await.unwrap();
    delete_database(&name).await;
}
