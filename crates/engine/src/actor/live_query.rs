//! A query that an actor follows, and what it found the last time: when one of a thousand items changed, one is judged.
//!
//! Items that did not change are the very same (see [`collection`](super::collection)), so what is to be judged anew is
//! found by comparing pointers. Nothing has to be told what changed, and nothing can be told wrongly.

use std::ops::Range;
use std::sync::Arc;

use cojson::collections::SortedSet;
use cojson::ids::CoId;
use cojson::json::Json;

use super::query::Query;
use super::world::World;
use crate::sameness::common_ends;

/// A query in the place of a context key.
pub(crate) struct LiveQuery {
    pub(crate) key: Arc<str>,
    pub(crate) collection: CoId,
    query: Arc<Query>,
    /// The values that a `map` looked into beside the items.
    referenced: SortedSet<CoId>,
    is_stale: bool,
    matching: Matching,
    /// What was shown the last time.
    shown: Json,
}

/// The items that a filter lets through, kept in step with the collection.
#[derive(Default)]
struct Matching {
    /// What the filter's fields had to equal.
    wanted: Vec<Option<Json>>,
    items: Arc<Vec<Json>>,
    /// For each item whether it matches.
    verdicts: Vec<bool>,
    found: Arc<Vec<Json>>,
}

impl LiveQuery {
    /// A query that has not run yet.
    pub(crate) fn new(key: &Arc<str>, query: &Arc<Query>, collection: CoId) -> Self {
        Self {
            key: Arc::clone(key),
            collection,
            query: Arc::clone(query),
            referenced: SortedSet::new(),
            is_stale: true,
            matching: Matching::default(),
            shown: Json::Null,
        }
    }

    /// Takes notice of a changed collection or value, if it is one of this query's.
    pub(crate) fn note_changed(&mut self, id: &CoId) {
        self.is_stale |= self.collection == *id || self.referenced.contains(id);
    }

    /// Takes notice of a changed context.
    pub(crate) fn note_context(&mut self) {
        self.is_stale |= self.query.reads_context();
    }

    /// Whether something was noted since it last ran.
    pub(crate) fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// What the query finds now; `None` if nothing was noted since it last ran.
    pub(crate) fn refresh(&mut self, context: &Json, world: &mut World) -> Option<Json> {
        if !std::mem::take(&mut self.is_stale) {
            return None;
        }
        self.referenced.clear();
        let items = world.collections.items(&self.collection);
        let query = &self.query;
        let wanted = query.wanted(context);
        let judge = |item: &Json, wanted: &[Option<Json>]| query.matches(item, wanted);
        let found = self.matching.follow(wanted, &items, judge);
        let (node, referenced) = (&mut world.node, &mut self.referenced);
        self.shown = self.query.shown(found, &self.shown, node, referenced);
        Some(self.shown.clone())
    }
}

impl Matching {
    /// The items that match now, in the collection's order.
    fn follow(
        &mut self,
        wanted: Vec<Option<Json>>,
        items: &Arc<Vec<Json>>,
        mut judge: impl FnMut(&Json, &[Option<Json>]) -> bool,
    ) -> &Arc<Vec<Json>> {
        let (start, end) = if wanted == self.wanted {
            common_ends(&self.items, items)
        } else {
            (0, 0)
        };
        let old = start..self.items.len() - end;
        let new = items.get(start..items.len() - end).unwrap_or_default();
        let verdicts: Vec<bool> = new.iter().map(|item| judge(item, &wanted)).collect();
        self.found = if wanted.is_empty() {
            Arc::clone(items)
        } else {
            self.replaced(old.clone(), new, &verdicts)
        };
        self.verdicts.splice(old, verdicts);
        self.items = Arc::clone(items);
        self.wanted = wanted;
        &self.found
    }

    /// What is found when the items of that range are these.
    fn replaced(&self, old: Range<usize>, new: &[Json], verdicts: &[bool]) -> Arc<Vec<Json>> {
        let count = |verdicts: Option<&[bool]>| {
            let verdicts = verdicts.unwrap_or_default();
            verdicts.iter().filter(|is_match| **is_match).count()
        };
        let before = count(self.verdicts.get(..old.start));
        let gone = count(self.verdicts.get(old));
        let come = new.iter().zip(verdicts).filter(|(_, is_match)| **is_match);
        let head = self.found.iter().take(before);
        let tail = self.found.iter().skip(before + gone);
        let found = head.chain(come.map(|(item, _)| item)).chain(tail);
        Arc::new(found.cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: u32, done: bool) -> Json {
        Json::object([("id", Json::from(id)), ("done", done.into())])
    }

    /// Follows a filter on `done` and says what it found and how many items were judged for it.
    fn follow(matching: &mut Matching, done: bool, items: &[Json]) -> (Vec<f64>, usize) {
        let mut judged = 0;
        let found = matching.follow(
            vec![Some(done.into())],
            &Arc::new(items.to_vec()),
            |item, wanted| {
                judged += 1;
                item.get("done") == wanted.first().and_then(Option::as_ref)
            },
        );
        let ids = found.iter().filter_map(|item| item.get("id")?.as_number());
        (ids.collect(), judged)
    }

    #[test]
    fn one_changed_item_among_a_thousand_is_judged_alone() {
        let mut items: Vec<Json> = (0..1000).map(|id| item(id, id % 2 == 0)).collect();
        let mut matching = Matching::default();
        assert_eq!(follow(&mut matching, false, &items).1, 1000);
        for place in [500, 0, 999, 500] {
            let was_done = items[place].get("done").and_then(Json::as_bool) == Some(true);
            items[place] = item(u32::try_from(place).unwrap(), !was_done);
            let (found, judged) = follow(&mut matching, false, &items);
            assert_eq!(judged, 1, "item {place}");
            let anew = follow(&mut Matching::default(), false, &items).0;
            assert_eq!(found, anew, "item {place}");
        }
    }

    #[test]
    fn what_is_followed_is_what_a_fresh_look_finds() {
        let mut matching = Matching::default();
        let shared: Vec<Json> = (0..6).map(|id| item(id, id % 3 == 0)).collect();
        let lists: [&[usize]; 7] = [
            &[0, 1, 2],
            &[0, 1, 2, 3],
            &[],
            &[5, 4, 3],
            &[4, 3],
            &[4, 0, 3, 3],
            &[3, 3],
        ];
        for done in [false, true] {
            for list in lists {
                let items: Vec<Json> = list.iter().map(|place| shared[*place].clone()).collect();
                let anew = follow(&mut Matching::default(), done, &items).0;
                assert_eq!(
                    follow(&mut matching, done, &items).0,
                    anew,
                    "{list:?}, {done}"
                );
            }
        }
    }
}
