//! A sequence of items in which an insertion beside a known item, hiding one and finding the n-th visible one are quick.
//!
//! Items stand in chunks of at most [`CHUNK_ITEMS_MAX`], each of which counts its visible ones; an item knows its chunk. So
//! an insertion costs a chunk, and finding the n-th visible item a step per chunk, from the nearer end.

/// An item: the number of those inserted before it in time.
pub(super) type ItemIndex = u32;

type ChunkIndex = u32;

/// A power of two near the square root of a long list: at 10,000 items a search takes at most about as many steps.
const CHUNK_ITEMS_MAX: usize = 128;

#[derive(Clone, Debug, Default)]
struct Chunk {
    items: Vec<ItemIndex>,
    visible: usize,
    previous: Option<ChunkIndex>,
    next: Option<ChunkIndex>,
}

/// Where an item is.
#[derive(Clone, Copy, Debug)]
struct Slot {
    chunk: ChunkIndex,
    is_visible: bool,
}

/// The sequence. The first chunk stays the first.
#[derive(Clone, Debug)]
pub(super) struct Sequence {
    slots: Vec<Slot>,
    chunks: Vec<Chunk>,
    last: ChunkIndex,
    visible: usize,
}

/// On which side of an item.
#[derive(Clone, Copy)]
enum Side {
    Before,
    After,
}

impl Default for Sequence {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            chunks: vec![Chunk::default()],
            last: 0,
            visible: 0,
        }
    }
}

impl Sequence {
    /// A new item at the end.
    pub(super) fn push_back(&mut self) -> ItemIndex {
        let end = self.chunk(self.last).map_or(0, |chunk| chunk.items.len());
        self.insert_at(self.last, end)
    }

    /// A new item directly after another.
    pub(super) fn insert_after(&mut self, anchor: ItemIndex) -> ItemIndex {
        self.insert_beside(anchor, Side::After)
    }

    /// A new item directly before another.
    pub(super) fn insert_before(&mut self, anchor: ItemIndex) -> ItemIndex {
        self.insert_beside(anchor, Side::Before)
    }

    /// Hides an item, which keeps its place, or shows it again.
    pub(super) fn set_visible(&mut self, item: ItemIndex, is_visible: bool) {
        let Some(slot) = self.slots.get_mut(item as usize) else {
            return;
        };
        let was_visible = std::mem::replace(&mut slot.is_visible, is_visible);
        let Some(chunk) = self.chunks.get_mut(slot.chunk as usize) else {
            return;
        };
        for count in [&mut self.visible, &mut chunk.visible] {
            *count = *count + usize::from(is_visible) - usize::from(was_visible);
        }
    }

    /// How many items are visible.
    pub(super) fn visible_len(&self) -> usize {
        self.visible
    }

    /// The visible items, in order.
    pub(super) fn visible(&self) -> impl Iterator<Item = ItemIndex> {
        self.chunks_from_start()
            .flat_map(|chunk| chunk.items.iter().copied())
            .filter(|item| self.is_visible(*item))
    }

    /// The visible item that has so many visible ones before it.
    pub(super) fn nth_visible(&self, index: usize) -> Option<ItemIndex> {
        let from_end = self.visible.checked_sub(index + 1)?;
        if index <= from_end {
            let (chunk, left) = skip(self.chunks_from_start(), index)?;
            self.visible_in(chunk).nth(left)
        } else {
            let (chunk, left) = skip(self.chunks_from_end(), from_end)?;
            self.visible_in(chunk).nth_back(left)
        }
    }

    /// How many visible items come before a visible one.
    pub(super) fn visible_index(&self, item: ItemIndex) -> Option<usize> {
        let slot = self
            .slots
            .get(item as usize)
            .filter(|slot| slot.is_visible)?;
        let chunk = self.chunk(slot.chunk)?;
        let within = self.visible_in(chunk).position(|other| other == item)?;
        let before = std::iter::successors(chunk.previous, |index| self.chunk(*index)?.previous);
        let counts = before.filter_map(|index| Some(self.chunk(index)?.visible));
        Some(within + counts.sum::<usize>())
    }

    fn chunk(&self, index: ChunkIndex) -> Option<&Chunk> {
        self.chunks.get(index as usize)
    }

    fn chunks_from_start(&self) -> impl Iterator<Item = &Chunk> {
        std::iter::successors(self.chunk(0), |chunk| self.chunk(chunk.next?))
    }

    fn chunks_from_end(&self) -> impl Iterator<Item = &Chunk> {
        std::iter::successors(self.chunk(self.last), |chunk| self.chunk(chunk.previous?))
    }

    fn visible_in(&self, chunk: &Chunk) -> impl DoubleEndedIterator<Item = ItemIndex> {
        let items = chunk.items.iter().copied();
        items.filter(|item| self.is_visible(*item))
    }

    fn is_visible(&self, item: ItemIndex) -> bool {
        self.slots
            .get(item as usize)
            .is_some_and(|slot| slot.is_visible)
    }

    fn insert_beside(&mut self, anchor: ItemIndex, side: Side) -> ItemIndex {
        let chunk_index = self
            .slots
            .get(anchor as usize)
            .map_or(self.last, |slot| slot.chunk);
        let items = self
            .chunk(chunk_index)
            .map_or(&[][..], |chunk| &chunk.items);
        let place = match items.iter().rposition(|item| *item == anchor) {
            Some(place) => place + usize::from(matches!(side, Side::After)),
            None => items.len(),
        };
        self.insert_at(chunk_index, place)
    }

    fn insert_at(&mut self, chunk_index: ChunkIndex, place: usize) -> ItemIndex {
        let item = to_index(self.slots.len());
        self.slots.push(Slot {
            chunk: chunk_index,
            is_visible: true,
        });
        self.visible += 1;
        if let Some(chunk) = self.chunks.get_mut(chunk_index as usize) {
            chunk.items.insert(place, item);
            chunk.visible += 1;
            if chunk.items.len() > CHUNK_ITEMS_MAX {
                self.split(chunk_index);
            }
        }
        item
    }

    /// Moves a chunk's latter part into a new one behind it. A list that grows at its end leaves full chunks behind.
    fn split(&mut self, left_index: ChunkIndex) {
        let right_index = to_index(self.chunks.len());
        let is_last = left_index == self.last;
        let Some(left) = self.chunks.get_mut(left_index as usize) else {
            return;
        };
        let at = if is_last {
            CHUNK_ITEMS_MAX
        } else {
            CHUNK_ITEMS_MAX / 2
        };
        let mut right = Chunk {
            items: left.items.split_off(at),
            visible: 0,
            previous: Some(left_index),
            next: left.next.replace(right_index),
        };
        for item in &right.items {
            if let Some(slot) = self.slots.get_mut(*item as usize) {
                slot.chunk = right_index;
                right.visible += usize::from(slot.is_visible);
            }
        }
        left.visible -= right.visible;
        match right
            .next
            .and_then(|next| self.chunks.get_mut(next as usize))
        {
            Some(next) => next.previous = Some(right_index),
            None => self.last = right_index,
        }
        self.chunks.push(right);
    }
}

/// Passes over chunks until the next has the wanted one of their visible items; returns it and how many are left to pass.
fn skip<'a>(
    chunks: impl Iterator<Item = &'a Chunk>,
    mut items: usize,
) -> Option<(&'a Chunk, usize)> {
    for chunk in chunks {
        match items.checked_sub(chunk.visible) {
            Some(left) => items = left,
            None => return Some((chunk, items)),
        }
    }
    None
}

/// A list has as many items as changes fit into memory, far fewer than 2^32.
fn to_index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
