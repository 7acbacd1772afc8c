use std::collections::BTreeMap;

use super::*;

/// Numbers that look random and are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn assert_same(map: &SortedMap<u64, u64>, model: &BTreeMap<u64, u64>) {
    assert!(map.iter().eq(model.iter()));
    assert_eq!(map.len(), model.len());
    assert_eq!(map.is_empty(), model.is_empty());
    assert!(
        map.pages
            .iter()
            .all(|page| (1..=PAGE_ENTRIES_MAX).contains(&page.len()))
    );
}

#[test]
fn it_does_what_the_standard_librarys_map_does() {
    for keys in [8, 300, 5_000] {
        let (mut numbers, mut map, mut model) = (Numbers(keys), SortedMap::new(), BTreeMap::new());
        for step in 0..20_000 {
            let key = numbers.below(keys);
            match numbers.below(11) {
                0..5 => assert_eq!(map.insert(key, step), model.insert(key, step)),
                5 => assert_eq!(
                    *map.get_or_insert_with(key, || step),
                    *model.entry(key).or_insert(step)
                ),
                6 => {
                    let is_known = map.get_key_by(|other| other.cmp(&key)).is_some();
                    assert_eq!(is_known, model.contains_key(&key));
                    let found = map.get_key_or_insert(|other| other.cmp(&key), (key, step));
                    assert_eq!(*found, key);
                    model.entry(key).or_insert(step);
                }
                7 => assert_eq!(map.remove(&key), model.remove(&key)),
                8 => assert_eq!(map.get_mut(&key), model.get_mut(&key)),
                9 => assert!(map.iter_from(&key).eq(model.range(key..))),
                _ => assert_eq!(map.get(&key), model.get(&key)),
            }
            assert_eq!(map.contains_key(&key), model.contains_key(&key));
        }
        assert_same(&map, &model);
        map.retain(|key, value| (*key + *value) % 3 == 0);
        model.retain(|key, value| (*key + *value) % 3 == 0);
        assert_same(&map, &model);
        while let Some(first) = map.pop_first() {
            assert_eq!(Some(first), model.pop_first());
        }
        assert_same(&map, &model);
    }
}

#[test]
fn maps_with_the_same_entries_are_equal_however_they_came_to_them() {
    let ascending: SortedMap<u64, u64> = (0..1_000).map(|key| (key, key)).collect();
    let descending: SortedMap<u64, u64> = (0..1_000).rev().map(|key| (key, key)).collect();
    assert_ne!(ascending.pages.len(), descending.pages.len());
    assert_eq!(ascending, descending);
    assert!(ascending.into_iter().eq((0..1_000).map(|key| (key, key))));
}

#[test]
fn entries_that_come_in_order_fill_their_pages() {
    let map: SortedMap<usize, ()> = (0..64 * PAGE_ENTRIES_MAX).map(|key| (key, ())).collect();
    assert_eq!(map.pages.len(), 64);
}
