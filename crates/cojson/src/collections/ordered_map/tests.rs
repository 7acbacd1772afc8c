use super::*;

type Model = Vec<(String, u32)>;

fn assert_same(map: &OrderedMap<String, u32>, model: &Model) {
    assert!(map.iter().eq(model.iter().map(|(key, value)| (key, value))));
    for (place, (key, value)) in model.iter().enumerate() {
        assert_eq!(map.get_full(key.as_str()), Some((place, key, value)));
    }
    assert_eq!(map.get("none"), None);
}

#[test]
fn the_order_is_that_of_insertion_with_and_without_an_index() {
    for length in [0, 1, UNINDEXED_MAX, UNINDEXED_MAX + 1, 100] {
        let model: Model = (0..length)
            .map(|at| (format!("{}", at * 7 % 101), 1))
            .collect();
        let map: OrderedMap<String, u32> = model.iter().cloned().collect();
        assert_same(&map, &model);
    }
}

#[test]
fn a_value_that_is_put_in_again_leaves_its_keys_place() {
    let mut map: OrderedMap<String, u32> = (0..20).map(|at| (at.to_string(), at)).collect();
    assert_eq!(map.insert("3".to_owned(), 33), Some(3));
    *map.get_or_default("4".to_owned()) += 1;
    assert_eq!(map.get_index_of("3"), Some(3));
    assert_eq!(map.get("4"), Some(&5));
}

#[test]
fn what_follows_a_removed_entry_moves_up() {
    let mut model: Model = (0..40).map(|at| (at.to_string(), at)).collect();
    let mut map: OrderedMap<String, u32> = model.iter().cloned().collect();
    for place in [39, 20, 0, 5, 30, 1] {
        let (key, value) = model.remove(place);
        assert_eq!(map.remove(key.as_str()), Some(value));
        assert_eq!(map.remove(key.as_str()), None);
        assert_same(&map, &model);
    }
    map.retain(|_, value| *value % 2 == 0);
    model.retain(|(_, value)| *value % 2 == 0);
    assert_same(&map, &model);
    map.insert("new".to_owned(), 1);
    assert_eq!(map.get_index_of("new"), Some(model.len()));
}

#[test]
fn maps_of_the_same_entries_are_equal_in_whatever_order() {
    let map =
        |keys: &[u32]| -> OrderedMap<u32, u32> { keys.iter().map(|key| (*key, *key)).collect() };
    assert_eq!(map(&[1, 2, 3]), map(&[3, 1, 2]));
    assert_ne!(map(&[1, 2]), map(&[1, 2, 3]));
    assert_ne!(map(&[1, 2]), map(&[1, 3]));
}
