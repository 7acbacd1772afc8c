//! Branches and deletion: what is done with a value of any kind, as the runtime's own methods.

use std::rc::Rc;

use cojson::ids::CoId;
use cojson::node::NewBranch;

use crate::clock::now;
use crate::runtime::attempts::Stop;
use crate::runtime::error::RuntimeError;
use crate::runtime::host::Host;
use crate::runtime::waiters::Wish;

impl Host {
    /// Begins a branch of a value that can be read, or finds the one that there is.
    pub(crate) fn branch(
        self: &Rc<Self>,
        branch: &NewBranch,
        is_asked: &mut bool,
    ) -> Result<CoId, Stop> {
        if !*is_asked {
            *is_asked = true;
            let known = self.input(|engine| {
                let id = engine.node().branch_id(branch);
                if let Some(id) = &id {
                    engine.node_mut().load(id);
                }
                id
            })?;
            if known.is_some() {
                // A session of ours may have begun it before: storage says so.
                return Err(Wish::Answered.into());
            }
        }
        let begun = self.input(|engine| {
            let id = engine.node_mut().branch(branch, now())?;
            engine.changed(&id);
            engine.changed(&branch.source);
            Ok::<_, RuntimeError>(id)
        });
        Ok(begun??)
    }

    /// Merges a branch that can be read into its source.
    pub(crate) fn merge(self: &Rc<Self>, branch: &CoId) -> Result<CoId, RuntimeError> {
        self.input(|engine| {
            let source = engine.node_mut().merge(branch, now())?;
            engine.changed(&source);
            Ok(source)
        })?
    }

    /// Deletes a value that can be read for everyone.
    pub(crate) fn delete(self: &Rc<Self>, id: &CoId) -> Result<(), RuntimeError> {
        self.input(|engine| {
            engine.node_mut().delete(id, now())?;
            engine.changed(id);
            Ok(())
        })?
    }
}
