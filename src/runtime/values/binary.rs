//! Streams of bytes as JavaScript sees them: made of a file, read back as one, with the progress of both.

use std::rc::Rc;
use std::sync::Arc;

use cojson::ids::CoId;
use cojson::json::Json;
use cojson::node::{BINARY_CHUNK_BYTES, NewValue, Node};
use cojson::view::BinaryInfo;
use engine::reactive_store::Subscription;
use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::{Value, is_finished};
use crate::bridge;
use crate::clock::now;
use crate::runtime::attempts::Stop;
use crate::runtime::error::RuntimeError;
use crate::runtime::group::owner_of;
use crate::runtime::host::Host;
use crate::runtime::page::report_error;
use crate::runtime::waiters::Wish;

#[wasm_bindgen(module = "/src/browser.js")]
extern "C" {
    #[wasm_bindgen(js_name = sizeOf)]
    fn size_of(source: &JsValue) -> f64;

    #[wasm_bindgen(js_name = bytesOf)]
    fn bytes_of(source: &JsValue, from: f64, to: f64) -> Promise;

    #[wasm_bindgen(js_name = blobOf)]
    fn blob_of(bytes: &Uint8Array, media_type: &str) -> JsValue;
}

/// How many chunks are written before they must be durable: what is in memory alone stays small, however long the file.
const CHUNKS_PER_WRITE: u32 = 16;

/// Bytes that come in chunks: a file.
#[wasm_bindgen]
pub struct CoBinaryStream(Value);

impl CoBinaryStream {
    /// Writes all of a source.
    pub(crate) async fn create(
        host: Rc<Host>,
        source: JsValue,
        options: JsValue,
    ) -> Result<Self, JsValue> {
        let total = size_of(&source);
        if total.is_nan() {
            return Err(RuntimeError::kind(
                "The source",
                "a Blob, an ArrayBuffer or a view of one",
                &source,
            )
            .into());
        }
        let option = |key: &str| Reflect::get(&options, &key.into()).unwrap_or_default();
        let owner = owner_of(&option("group"))?;
        let id = host.engine(|engine| {
            let node = engine.node_mut();
            let owner = owner.unwrap_or_else(|| node.own_group());
            let uniqueness = node.random_uniqueness();
            node.create(NewValue::binary_stream(owner, uniqueness), now())
        });
        let id = id?.map_err(RuntimeError::from)?;
        let stream = Self::of(host, id);
        let info = BinaryInfo {
            total_bytes: Some(total),
            ..info_of(&source, &options)
        };
        stream
            .0
            .write(|node, id, stamp| node.binary_start(id, info, stamp))?;
        let progress = option("onProgress").dyn_into().ok();
        stream.write_all(&source, total, progress.as_ref()).await?;
        stream.0.write(Node::binary_end)?;
        Ok(stream)
    }

    async fn write_all(
        &self,
        source: &JsValue,
        total: f64,
        progress: Option<&Function>,
    ) -> Result<(), JsValue> {
        let mut written = 0.0;
        let mut chunks = 0;
        while written < total {
            #[expect(clippy::cast_precision_loss, reason = "100 kB")]
            let end = (written + BINARY_CHUNK_BYTES as f64).min(total);
            let bytes = JsFuture::from(bytes_of(source, written, end)).await?;
            let bytes = bytes.unchecked_into::<Uint8Array>().to_vec();
            self.0
                .write(|node, id, stamp| node.binary_chunk(id, bytes, stamp))?;
            written = end;
            chunks += 1;
            if chunks % CHUNKS_PER_WRITE == 0 {
                self.0.host.wait(Wish::Settled).await?;
            }
            tell(progress, written, Some(total));
        }
        Ok(())
    }

    /// One that is loaded.
    pub(crate) fn of(host: Rc<Host>, id: CoId) -> Self {
        Self(Value::of(host, id))
    }

    fn info(&self) -> Result<Option<BinaryInfo>, RuntimeError> {
        self.0.read(|node, id| node.binary(id)?.info().cloned())
    }
}

/// Waits until all bytes of a stream are here, and tells how many are.
pub(crate) struct Arrival {
    on_progress: Option<Function>,
    /// Told of each change, once there is one to wait for.
    subscription: Option<Subscription>,
}

impl Arrival {
    pub(crate) fn new(on_progress: Option<Function>) -> Self {
        Self {
            on_progress,
            subscription: None,
        }
    }

    pub(crate) fn wait(&mut self, host: &Rc<Host>, id: &CoId) -> Result<(), Stop> {
        if self.subscription.is_none() {
            let store = host.engine(|engine| engine.open_store(id))?;
            let number = |value: &Json, key| value.get(key).and_then(Json::as_number);
            let on_progress = self.on_progress.clone();
            let tell = move |value: &Json| {
                let loaded = number(value, "loadedBytes").unwrap_or_default();
                let total = number(value, "totalSizeBytes");
                tell(on_progress.as_ref(), loaded, total);
                Ok(())
            };
            self.subscription = Some(store.subscribe(tell, false));
        }
        if !host.engine(|engine| is_finished(engine.node_mut(), id))? {
            return Err(Wish::Finished(id.clone()).into());
        }
        self.subscription.take();
        host.engine(|engine| engine.close_store(id, now()))?;
        Ok(())
    }
}

/// A listener that throws stops nothing.
fn tell(progress: Option<&Function>, done: f64, total: Option<f64>) {
    let total = total.map(|total| ("total", total.into()));
    let told = [("done", done.into())].into_iter().chain(total);
    let told = bridge::to_js(&Json::object(told));
    if let Some(Err(thrown)) = progress.map(|progress| progress.call1(&JsValue::UNDEFINED, &told)) {
        report_error(&thrown);
    }
}

/// What is said of the bytes, else what a file says of itself.
fn info_of(source: &JsValue, options: &JsValue) -> BinaryInfo {
    let text = |from: &JsValue, key: &str| -> Option<Arc<str>> {
        let text = Reflect::get(from, &key.into()).ok()?.as_string()?;
        (!text.is_empty()).then(|| text.into())
    };
    let mime_type = text(options, "mimeType").or_else(|| text(source, "type"));
    BinaryInfo {
        mime_type: mime_type.unwrap_or_else(|| "application/octet-stream".into()),
        file_name: text(options, "fileName").or_else(|| text(source, "name")),
        total_bytes: None,
    }
}

#[wasm_bindgen]
impl CoBinaryStream {
    /// The value's id.
    #[wasm_bindgen(getter, unchecked_return_type = "CoId")]
    pub fn id(&self) -> String {
        self.0.id.to_string()
    }

    /// The bytes that are here.
    #[wasm_bindgen(js_name = toBytes)]
    pub fn to_bytes(&self) -> Result<Uint8Array, JsValue> {
        let bytes = self.0.read(|node, id| {
            let stream = node.binary(id)?;
            let length = u32::try_from(stream.len()).unwrap_or(u32::MAX);
            let bytes = Uint8Array::new_with_length(length);
            let mut at = 0;
            for chunk in stream.chunks() {
                let end = at + u32::try_from(chunk.len()).unwrap_or(u32::MAX);
                bytes.subarray(at, end).copy_from(chunk);
                at = end;
            }
            Some(bytes)
        })?;
        Ok(bytes.unwrap_or_else(|| Uint8Array::new_with_length(0)))
    }

    /// The bytes that are here, of the media type that their writer named.
    #[wasm_bindgen(js_name = toBlob, unchecked_return_type = "Blob")]
    pub fn to_blob(&self) -> Result<JsValue, JsValue> {
        let info = self.info()?.unwrap_or_default();
        Ok(blob_of(&self.to_bytes()?, &info.mime_type))
    }

    /// What the bytes are, and how many of them are here.
    #[wasm_bindgen(js_name = toJSON, unchecked_return_type = "BinaryInfo")]
    pub fn to_json(&self) -> Result<JsValue, JsValue> {
        Ok(self.0.to_json()?)
    }
}
