//! `after`: transitions that wait for a while.

use cojson::json::Json;

use super::super::compiled::After;
use super::{Compiled, Compiler};
use crate::definition_error::Place;
use crate::expression::Expression;

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
                    self.own(source, &event_type, transitions, &place)?;
                    let ms: u32 = delay.parse().map_err(|_| {
                        let expected = "a whole number of milliseconds, below 2^32";
                        place.error(expected, &Json::String(delay.clone()))
                    })?;
                    let delay_ms = Expression::literal(ms.into());
                    timers.push(After {
                        delay_ms,
                        event_type: event_type.into(),
                    });
                }
            }
            Some(Json::Array(list)) => {
                for (index, json) in list.iter().enumerate() {
                    let place = place.index(index);
                    let event_type = format!("after.{index}.{id}");
                    let class = self.class(&event_type, true);
                    self.transition(source, class, json, &place, Some("delay"))?;
                    let delay = json.get("delay").unwrap_or(&Json::Null);
                    let delay_ms = Expression::compile_in_step(delay, &place.key("delay"))?;
                    timers.push(After {
                        delay_ms,
                        event_type: event_type.into(),
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
