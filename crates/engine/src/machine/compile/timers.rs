//! `after`: transitions that wait for a while.

use cojson::json::Json;

use super::super::compiled::After;
use super::super::timer::OnRestore;
use super::{Compiled, Compiler};
use crate::definition_error::{Place, one_of};
use crate::expression::Expression;

/// The member of a transition or a raise that says what becomes of its timer when the machine is restored.
pub(super) const RESTORE: &str = "restore";

impl Compiler<'_> {
    /// `{milliseconds: transitions}`, or a list of transitions that each say their `delay`.
    pub(super) fn timers(
        &mut self,
        source: usize,
        json: Option<&Json>,
        id: &str,
        place: &Place,
    ) -> Compiled<Box<[After]>> {
        let mut timers = Vec::new();
        match json {
            None => {}
            Some(Json::Object(delays)) => {
                for (delay, transitions) in delays.iter() {
                    let place = place.key(delay);
                    let event_type = format!("after.{delay}.{id}");
                    let class = self.class(&event_type, true);
                    self.transitions(source, class, transitions, &place, &[RESTORE])?;
                    let ms: u32 = delay.parse().map_err(|_| {
                        let expected = "a whole number of milliseconds, below 2^32";
                        place.error(expected, &Json::String(delay.clone()))
                    })?;
                    let delay_ms = Expression::literal(ms.into());
                    timers.push(After {
                        delay_ms,
                        event_type: event_type.into(),
                        on_restore: on_restore_of(transitions, &place)?,
                    });
                }
            }
            Some(Json::Array(list)) => {
                for (index, json) in list.iter().enumerate() {
                    let place = place.index(index);
                    let event_type = format!("after.{index}.{id}");
                    let class = self.class(&event_type, true);
                    self.transition(source, class, json, &place, &["delay", RESTORE])?;
                    let delay = json.get("delay").unwrap_or(&Json::Null);
                    let delay_ms = Expression::compile_in_step(delay, &place.key("delay"))?;
                    timers.push(After {
                        delay_ms,
                        event_type: event_type.into(),
                        on_restore: on_restore_of(json, &place)?,
                    });
                }
            }
            Some(other) => {
                return Err(place.error("an object of transitions by milliseconds", other));
            }
        }
        Ok(timers.into())
    }
}

/// What becomes of a timer when the machine is restored: what one of its transitions says.
pub(super) fn on_restore_of(json: &Json, place: &Place) -> Compiled<OnRestore> {
    let list = match json {
        Json::Array(list) => list.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut said: Option<OnRestore> = None;
    for found in list.iter().filter_map(|json| json.get(RESTORE)) {
        let place = place.key(RESTORE);
        let named = found.as_str().and_then(OnRestore::named);
        let named = named.ok_or_else(|| place.error(one_of(OnRestore::NAMES), found))?;
        if said.is_some_and(|said| said != named) {
            let expected = "the same for all transitions of one delay, which have one timer";
            return Err(place.error(expected, found));
        }
        said = Some(named);
    }
    Ok(said.unwrap_or_default())
}
