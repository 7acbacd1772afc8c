//! How far this device and the server agree, as JavaScript sees it.

use std::rc::Rc;

use cojson::json::Json;

use super::host::Host;

/// The status before anything is connected.
pub(crate) fn offline() -> Json {
    status("offline", 0.0)
}

fn status(state: &str, pending: f64) -> Json {
    Json::object([("state", Json::from(state)), ("pending", pending.into())])
}

impl Host {
    /// Tells the status if it is another than before.
    pub(crate) fn update_status(self: &Rc<Self>) {
        let Ok(unsent) = self.engine(|engine| engine.unsent()) else {
            return;
        };
        let (is_connected, is_trying) =
            self.wire.borrow().as_ref().map_or((false, false), |wire| {
                (wire.is_connected(), wire.is_connecting())
            });
        let state = match (is_connected, is_trying) {
            (true, _) if unsent.is_nothing => "synced",
            (true, _) => "syncing",
            (false, true) => "connecting",
            (false, false) => "offline",
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let pending = unsent.transactions as f64;
        let now = status(state, if self.has_sync { pending } else { 0.0 });
        if self.status.value() != now {
            let _ = self.status.set(now);
        }
    }
}
