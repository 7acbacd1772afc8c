//! A view on the screen: patches from contexts, messages from events.

use std::sync::Arc;

use cojson::json::Json;

use super::CompiledView;
use super::blocks::{BlockId, Blocks, NewRow, Shown};
use super::events::{DomMarkers, OutgoingEvent};
use super::keyed::RowKey;
use super::patch::{NodeId, Patch};
use super::render::Renderer;
use super::template::{HoleKind, changed_keys};
use crate::expression::{EvaluationError, Local, Scope};

/// How many values that a field has sent are remembered until the context has them.
const SENT_MAX: usize = 32;

/// How many problems are kept until somebody takes them.
const PROBLEMS_MAX: usize = 100;

/// Something that could not be shown as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewProblem {
    /// An expression had no value; nothing is shown in its place.
    #[error("a part of the view is empty: {0}")]
    Evaluation(#[from] EvaluationError),
    /// An address would have run code; it was replaced by an empty one.
    #[error(
        "the address \"{url}\" was left out, because its scheme is none of http, https, mailto and tel"
    )]
    UnsafeUrl {
        /// The address, or its beginning.
        url: String,
    },
}

/// Problems since they were last taken, bounded.
#[derive(Debug, Default)]
pub(super) struct Problems {
    kept: Vec<ViewProblem>,
    count: u64,
}

impl Problems {
    pub(super) fn add(&mut self, problem: ViewProblem) {
        self.count += 1;
        if self.kept.len() < PROBLEMS_MAX {
            self.kept.push(problem);
        }
    }
}

/// A view on the screen. It starts with an empty surface; give every patch to the same surface, in order.
#[derive(Debug)]
pub struct ViewInstance {
    view: Arc<CompiledView>,
    context: Json,
    root: Option<BlockId>,
    blocks: Blocks,
    problems: Problems,
}

impl ViewInstance {
    /// An instance that shows nothing yet.
    pub fn new(view: Arc<CompiledView>) -> Self {
        Self {
            view,
            context: Json::Null,
            root: None,
            blocks: Blocks::default(),
            problems: Problems::default(),
        }
    }

    /// The view it shows.
    pub fn view(&self) -> &Arc<CompiledView> {
        &self.view
    }

    /// Adds to the patch what must change on the screen so that it shows this context.
    pub fn patch(&mut self, context: &Json, patch: &mut Patch) {
        let changed = changed_keys(&self.view.keys, &self.context, context);
        let mut renderer = Renderer {
            view: &self.view,
            blocks: &mut self.blocks,
            changed,
            patch,
            problems: &mut self.problems,
        };
        let scope = Scope::new(context);
        if let Some(root) = self.root {
            renderer.fill(root, scope, false, false);
        } else {
            let row = NewRow {
                template: self.view.root,
                parent: None,
                key: RowKey::Position,
                item: None,
                name: None,
            };
            self.root = renderer.create(row, scope);
            renderer.place_root(self.root);
        }
        self.context = context.clone();
    }

    /// The message that an event of the screen sends: `handler` and `node` are what JavaScript was told of. `None` if
    /// the node is not there any more.
    pub fn event(
        &mut self,
        node: NodeId,
        handler: u32,
        markers: &DomMarkers,
        context: &Json,
    ) -> Result<Option<OutgoingEvent>, EvaluationError> {
        self.remember(node, markers);
        let view = self.view.clone();
        let Some(handler) = view.handlers.get(handler as usize) else {
            return Ok(None);
        };
        let owner = self.blocks.owner(node);
        let block = owner.and_then(|owner| self.blocks.get(owner));
        if block.is_none_or(|block| block.template != handler.template) {
            return Ok(None);
        }
        let values = markers.values();
        let payload = match &handler.payload {
            None => None,
            Some(payload) => {
                let scope = Scope::new(context).with_markers(&values);
                self.inside(
                    owner,
                    &mut |inside: Scope<'_>| payload.evaluate(&inside),
                    scope,
                )?
            }
        };
        Ok(Some(OutgoingEvent {
            event_type: handler.event_type.clone(),
            payload: payload.unwrap_or_else(Json::empty_object),
        }))
    }

    /// What could not be shown since this was last asked, at most 100 of them.
    pub fn take_problems(&mut self) -> Vec<ViewProblem> {
        std::mem::take(&mut self.problems.kept)
    }

    /// How often something could not be shown.
    pub fn problem_count(&self) -> u64 {
        self.problems.count
    }

    /// How many templates are on the screen: the root and every row.
    pub fn block_count(&self) -> usize {
        self.blocks.count()
    }

    /// Evaluates with the rows around a block in scope.
    fn inside(
        &self,
        block: Option<BlockId>,
        evaluate: &mut dyn FnMut(Scope<'_>) -> Result<Option<Json>, EvaluationError>,
        scope: Scope<'_>,
    ) -> Result<Option<Json>, EvaluationError> {
        let mut rows = Vec::new();
        let mut next = block;
        while let Some(block) = next.and_then(|id| self.blocks.get(id)) {
            if let Some(item) = &block.item {
                rows.push((block.name.as_deref(), item));
            }
            next = block.parent;
        }
        nest(&rows, scope, evaluate)
    }

    /// Remembers what the person did to a field or a check box: it shows that now.
    fn remember(&mut self, node: NodeId, markers: &DomMarkers) {
        if let (Some(field), Some(value)) = (markers.field, &markers.input_value)
            && let Some(Shown::Field(field)) =
                self.shown_at(field, |kind| matches!(kind, HoleKind::Value { .. }))
            && field.sent.back() != Some(value)
        {
            field.sent.push_back(value.clone());
            if field.sent.len() > SENT_MAX {
                field.sent.pop_front();
            }
        }
        let is_checked = |kind: &HoleKind| {
            matches!(
                kind,
                HoleKind::Flag {
                    is_checked: true,
                    ..
                }
            )
        };
        if let Some(checked) = markers.checked
            && let Some(Shown::Value(shown)) = self.shown_at(node, is_checked)
        {
            *shown = Json::Bool(checked);
        }
    }

    /// What the hole of that kind shows at a node.
    fn shown_at(
        &mut self,
        node: NodeId,
        is_wanted: impl Fn(&HoleKind) -> bool,
    ) -> Option<&mut Shown> {
        let owner = self.blocks.owner(node)?;
        let block = self.blocks.get_mut(owner)?;
        let template = self.view.templates.get(block.template)?;
        let offset = node.checked_sub(block.first)?;
        let index = template
            .holes
            .iter()
            .position(|hole| hole.node == offset && is_wanted(&hole.kind))?;
        block.shown.get_mut(index)
    }
}

/// Puts rows into a scope, the outermost, which is the last, first.
fn nest(
    rows: &[(Option<&str>, &Json)],
    scope: Scope<'_>,
    evaluate: &mut dyn FnMut(Scope<'_>) -> Result<Option<Json>, EvaluationError>,
) -> Result<Option<Json>, EvaluationError> {
    match rows.split_last() {
        None => evaluate(scope),
        Some(((None, item), inner)) => nest(inner, scope.with_item(item), evaluate),
        Some(((Some(name), item), inner)) => {
            let local = Local::inside(scope.locals, name, item);
            nest(inner, scope.with_item(item).with_local(&local), evaluate)
        }
    }
}
