//! The law of views: after any changes the screen is what a fresh one would be (R5, R6).

use cojson::json::Json;

use crate::screen::{Handle, Shown};

const VIEW: &str = r#"{"children": [
    {"tag": "h1", "class": "$class", "text": "$title", "attrs": {"hidden": "$off", "data": {"off": "$off"}}},
    {"tag": "input", "value": "$draft", "attrs": {"disabled": "$off"}},
    {"tag": "ul", "$each": {"items": "$list", "as": "row", "template": {
        "tag": "li", "text": "$$text", "attrs": {"data": {"mark": "$marks.$$id"}}, "children": [
            {"$each": {"items": "$$tags", "key": {"$concat": ["$keys", "$$"]}, "template":
                {"tag": "b", "text": {"$join": [["$$", "$$row.text", "$title"], "/"]}, "$slot": "$$"}}}
        ]}}},
    {"tag": "select", "value": "$chosen", "$each": {"items": "$list", "key": "$$text", "template":
        {"tag": "option", "text": "$$text", "value": "$$id"}}}
]}"#;

/// A small linear congruential generator (Knuth's MMIX constants), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn text(&mut self) -> Json {
        ["", "a", "@b", "é😀", "0"][self.below(5)].into()
    }

    fn scalar(&mut self) -> Json {
        match self.below(6) {
            0 => Json::Null,
            1 => true.into(),
            2 => false.into(),
            3 => Json::from(self.below(3) as u32),
            _ => self.text(),
        }
    }

    fn item(&mut self) -> Json {
        let id = match self.below(8) {
            0 => Json::Null,
            id => Json::from(id as u32),
        };
        let tags: Vec<Json> = (0..self.below(4)).map(|_| self.text()).collect();
        Json::object([("id", id), ("text", self.scalar()), ("tags", tags.into())])
    }

    /// Another list: items exchanged, added, taken away, moved, all anew.
    fn list(&mut self, old: &[Json]) -> Json {
        let mut list = old.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(list.len().max(1)).min(list.len());
            match self.below(6) {
                0 if !list.is_empty() => drop(list.remove(at)),
                1 if !list.is_empty() => list[at] = self.item(),
                2 => list.reverse(),
                3 if !list.is_empty() => list.rotate_left(at),
                4 => {
                    return (0..self.below(12))
                        .map(|_| self.item())
                        .collect::<Vec<Json>>()
                        .into();
                }
                _ => list.insert(at, self.item()),
            }
        }
        list.into()
    }
}

fn change(random: &mut Random, context: &Json) -> Json {
    let mut members = context.as_object().cloned().unwrap();
    for _ in 0..=random.below(2) {
        let key = [
            "class", "title", "off", "draft", "list", "list", "list", "chosen", "marks", "keys",
        ][random.below(10)];
        let value = match key {
            "list" if random.below(12) == 0 => random.scalar(),
            "list" => random.list(
                context
                    .get("list")
                    .and_then(Json::as_array)
                    .unwrap_or_default(),
            ),
            "marks" => Json::object([("1", random.scalar()), ("2", random.scalar())]),
            _ => random.scalar(),
        };
        members.insert(key.into(), value);
    }
    members.into()
}

/// The rows of the outer list, by the ids of their items where these are unique.
fn row_handles(shown: &Shown) -> Vec<(Json, Handle)> {
    let items = shown
        .context
        .get("list")
        .and_then(Json::as_array)
        .unwrap_or_default();
    let ids: Vec<Json> = items
        .iter()
        .map(|item| item.get("id").cloned().unwrap_or_default())
        .collect();
    let is_unique =
        |id: &Json| !id.is_null() && ids.iter().filter(|other| *other == id).count() == 1;
    let rows = ids.iter().cloned().zip(shown.screen.all("li"));
    rows.filter(|(id, _)| is_unique(id)).collect()
}

#[test]
fn r5_r6_any_changes_leave_what_a_fresh_render_shows() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut shown = Shown::new(VIEW, "{}");
        for step in 0..40 {
            let before = row_handles(&shown);
            let context = change(&mut random, &shown.context);
            shown.show(context);
            let fresh = Shown::new(VIEW, &shown.context.to_string());
            assert_eq!(
                shown.screen.html(),
                fresh.screen.html(),
                "seed {seed}, step {step}"
            );
            assert_eq!(shown.screen.number_count(), fresh.screen.number_count());
            assert_eq!(shown.instance.block_count(), fresh.instance.block_count());
            for (id, handle) in row_handles(&shown) {
                let known = before.iter().find(|(known, _)| *known == id);
                assert!(
                    known.is_none_or(|(_, known)| *known == handle),
                    "seed {seed}, step {step}"
                );
            }
        }
    }
}

#[test]
fn r6_showing_the_same_again_does_nothing() {
    let mut random = Random(7);
    let mut shown = Shown::new(VIEW, "{}");
    for _ in 0..100 {
        let context = change(&mut random, &shown.context);
        shown.show(context.clone());
        shown.show(context);
        assert_eq!(shown.count, 0);
    }
}
