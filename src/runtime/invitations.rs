//! Joining a group by an invitation: the group is loaded, and may be older here than the invitation.

use std::rc::Rc;

use cojson::access::AccessError;
use cojson::group::Invitation;
use cojson::header::Header;
use cojson::ids::CoId;
use cojson::value_log::ValueLog;
use gloo_timers::callback::Timeout;
use wasm_bindgen::JsValue;

use super::error::RuntimeError;
use super::host::Host;
use super::waiters::Wish;
use crate::clock::now;

/// How long a loaded group may take to know of an invitation, in milliseconds.
const INVITED_MS_MAX: u32 = 5_000;

impl Host {
    /// Joins, and hands back the group.
    pub(crate) async fn accept_invite(
        self: &Rc<Self>,
        invitation: Invitation,
    ) -> Result<CoId, JsValue> {
        let Invitation { value, secret } = invitation;
        self.wait_shown(value.clone()).await?;
        let owner = self.engine(|engine| {
            let header = engine.node().log(&value).map(ValueLog::header);
            header.and_then(Header::owner).cloned()
        })?;
        let group = owner.unwrap_or(value);
        let invitation = Invitation {
            value: group.clone(),
            secret: secret.clone(),
        };
        self.wait_invited(invitation).await?;
        self.change_group(&group, &mut |node| {
            node.accept_invite(&group, &secret, now()).map(drop)
        })
        .await?;
        Ok(group)
    }

    async fn wait_invited(self: &Rc<Self>, invitation: Invitation) -> Result<(), JsValue> {
        let wish = Wish::Invited(invitation.clone());
        let host = Rc::downgrade(self);
        let _too_late = Timeout::new(INVITED_MS_MAX, move || {
            if let Some(host) = host.upgrade() {
                let group = &invitation.value;
                host.waiters.reject(
                    |wish| matches!(wish, Wish::Invited(other) if *other == invitation),
                    || {
                        let group = group.clone();
                        RuntimeError::from(AccessError::NotInvited { group }).into()
                    },
                );
            }
        });
        self.wait(wish).await
    }
}
