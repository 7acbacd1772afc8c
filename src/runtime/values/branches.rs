//! Branches and deletion: what is done with a value of any kind, as the runtime's own methods.

use std::rc::Rc;

use cojson::ids::CoId;
use cojson::node::NewBranch;
use wasm_bindgen::JsValue;

use crate::clock::now;
use crate::runtime::error::RuntimeError;
use crate::runtime::host::Host;
use crate::runtime::waiters::Wish;

impl Host {
    /// Begins a branch of a value, or finds the one that there is.
    pub(crate) async fn branch(self: &Rc<Self>, branch: NewBranch) -> Result<CoId, JsValue> {
        self.wait_shown(branch.source.clone()).await?;
        let known = self.input(|engine| {
            let id = engine.node().branch_id(&branch);
            if let Some(id) = &id {
                engine.node_mut().load(id);
            }
            id
        })?;
        if known.is_some() {
            // A session of ours may have begun it before: storage says so.
            self.wait(Wish::Answered).await?;
        }
        let begun = self.input(|engine| {
            let id = engine.node_mut().branch(&branch, now())?;
            engine.changed(&id);
            engine.changed(&branch.source);
            Ok::<_, RuntimeError>(id)
        });
        Ok(begun??)
    }

    /// Merges a branch into its source.
    pub(crate) async fn merge(self: &Rc<Self>, branch: CoId) -> Result<CoId, JsValue> {
        self.wait_shown(branch.clone()).await?;
        let merged = self.input(|engine| {
            let source = engine.node_mut().merge(&branch, now())?;
            engine.changed(&source);
            Ok::<_, RuntimeError>(source)
        });
        Ok(merged??)
    }

    /// Deletes a value for everyone.
    pub(crate) async fn delete(self: &Rc<Self>, id: CoId) -> Result<(), JsValue> {
        self.wait_shown(id.clone()).await?;
        let deleted = self.input(|engine| {
            engine.node_mut().delete(&id, now())?;
            engine.changed(&id);
            Ok::<_, RuntimeError>(())
        });
        Ok(deleted??)
    }
}
