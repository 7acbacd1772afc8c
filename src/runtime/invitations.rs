//! Joining a group by an invitation: the group is loaded, and may be older here than the invitation.

use std::rc::Rc;

use cojson::access::AccessError;
use cojson::group::Invitation;
use cojson::header::Header;
use cojson::ids::CoId;
use cojson::value_log::ValueLog;
use gloo_timers::callback::Timeout;

use super::attempts::Stop;
use super::error::RuntimeError;
use super::host::Host;
use super::waiters::Wish;
use crate::clock::now;

/// How long a loaded group may take to know of an invitation, in milliseconds.
const INVITED_MS_MAX: u32 = 5_000;

impl Host {
    /// Joins, and hands back the group.
    pub(crate) fn accept_invite(
        self: &Rc<Self>,
        invitation: &str,
        patience: &mut Option<Timeout>,
    ) -> Result<CoId, Stop> {
        let mut invitation = Invitation::parse(invitation)?;
        self.want(&invitation.value)?;
        let owner = self.engine(|engine| {
            let header = engine.node().log(&invitation.value).map(ValueLog::header);
            header.and_then(Header::owner).cloned()
        })?;
        if let Some(group) = owner {
            invitation.value = group;
        }
        let Invitation { value, secret } = &invitation;
        if !self.engine(|engine| engine.node_mut().knows_invite(value, secret))? {
            patience.get_or_insert_with(|| self.patience_with(invitation.clone()));
            return Err(Wish::Invited(invitation).into());
        }
        patience.take();
        self.change_group(value, &mut |node| {
            node.accept_invite(value, secret, now()).map(drop)
        })?;
        Ok(invitation.value)
    }

    fn patience_with(self: &Rc<Self>, invitation: Invitation) -> Timeout {
        let host = Rc::downgrade(self);
        Timeout::new(INVITED_MS_MAX, move || {
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
        })
    }
}
