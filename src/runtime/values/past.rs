//! Looking back, for every class of values alike: its edits, what it showed at a moment.

use cojson::ids::{SessionId, Timestamp};
use cojson::json::Json;
use cojson::node::{Node, Shown};
use cojson::view::{MapEntry, Moment, Position, ValidTransaction};
use js_sys::Date;
use wasm_bindgen::{JsCast, JsValue};

use super::Value;
use crate::bridge;
use crate::runtime::error::RuntimeError;

/// The methods that every class of values has.
macro_rules! looks_back {
    ($class:ident, $shown:literal) => {
        #[wasm_bindgen]
        impl $class {
            /// Every edit that counts, oldest first.
            #[wasm_bindgen(unchecked_return_type = "Edit[]")]
            pub fn history(&self) -> Result<JsValue, JsValue> {
                Ok(self.0.history()?)
            }

            /// What it showed at a time, in milliseconds or as a `Date`, or to who had so much of it (see `frontier`).
            #[wasm_bindgen(unchecked_return_type = $shown)]
            pub fn at(
                &self,
                #[wasm_bindgen(unchecked_param_type = "Moment")] moment: &JsValue,
            ) -> Result<JsValue, JsValue> {
                Ok(self.0.at(moment)?)
            }

            /// How much of each session is here: what `at` takes to come back to it.
            #[wasm_bindgen(getter, unchecked_return_type = "{ [session: string]: number }")]
            pub fn frontier(&self) -> Result<JsValue, JsValue> {
                Ok(self.0.frontier()?)
            }
        }
    };
}
pub(super) use looks_back;

impl Value {
    pub(super) fn history(&self) -> Result<JsValue, RuntimeError> {
        let edits = self.read(Node::edits)?;
        let edits = edits.unwrap_or_default();
        Ok(bridge::to_js(
            &edits.iter().map(edit).collect::<Vec<_>>().into(),
        ))
    }

    pub(super) fn at(&self, moment: &JsValue) -> Result<JsValue, RuntimeError> {
        let moment = moment_of(moment)?;
        let shown = self.read(|node, id| node.shown_at(id, &moment))?;
        Ok(bridge::option_to_js(
            shown.as_ref().map(Shown::to_json).as_ref(),
        ))
    }

    pub(super) fn frontier(&self) -> Result<JsValue, RuntimeError> {
        let counts = self.read(|node, id| {
            let sessions = node.log(id).map(|log| log.known_state().sessions);
            let counts = sessions.into_iter().flatten();
            Json::object(counts.map(|(session, count)| (session.as_str().to_owned(), count.into())))
        })?;
        Ok(bridge::to_js(&counts))
    }
}

fn moment_of(moment: &JsValue) -> Result<Moment, RuntimeError> {
    let date = moment.dyn_ref::<Date>().map(Date::get_time);
    if let Some(time) = date.or_else(|| moment.as_f64()) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a saturating cast: before 1970 there was nothing"
        )]
        return Ok(Moment::Time(Timestamp(time as u64)));
    }
    let wrong = || {
        RuntimeError::kind(
            "The moment",
            "a time in milliseconds, a Date, or counts by session",
            moment,
        )
    };
    let counts = bridge::from_js(moment, "The moment")?;
    let counts = counts.as_object().ok_or_else(wrong)?.into_iter();
    let counts = counts.map(|(session, count)| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a saturating cast"
        )]
        let count = count.as_number().ok_or_else(wrong)? as u32;
        Ok((SessionId::parse(session)?, count))
    });
    Ok(Moment::Frontier(
        counts.collect::<Result<_, RuntimeError>>()?,
    ))
}

fn edit(edit: &ValidTransaction) -> Json {
    let changes = ("changes", Json::from(edit.changes.clone()));
    Json::object(made(&edit.position()).chain([changes]))
}

/// A write to a key of a map.
pub(super) fn key_edit(entry: &MapEntry) -> Json {
    let value = entry.value.clone().map(|value| ("value", value));
    Json::object(made(&entry.position).chain(value))
}

/// By whom, when and where.
fn made(position: &Position) -> impl Iterator<Item = (&'static str, Json)> {
    let session = &position.id.session;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a time in milliseconds, far below 2^53"
    )]
    let made_at = position.made_at.0 as f64;
    let branch = position.branch.as_deref();
    [
        ("by", session.author().into()),
        ("madeAt", made_at.into()),
        ("session", session.as_str().into()),
        ("index", position.id.index.into()),
    ]
    .into_iter()
    .chain(branch.map(|branch| ("branch", branch.into())))
}
