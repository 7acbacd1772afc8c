//! How much waits in memory for the disk: bounded, so that a disk that is full, slow or stuck does not become a memory that
//! is. Pure: it is told what was taken in and what became of writes.
//!
//! While a write is under way and too much waits, nothing more is taken in, and sockets wait. While writes fail, that would
//! keep readers waiting for a disk that they do not need: then who brings more is let go, and brings it when it comes
//! again.

/// What waits for the disk, in bytes of content.
#[derive(Debug)]
pub(super) struct Unwritten {
    bytes_max: usize,
    /// Taken in since the write under way was asked for. Not all of it has to be written.
    waiting: usize,
    /// In the write under way.
    under_way: usize,
}

impl Unwritten {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            waiting: 0,
            under_way: 0,
        }
    }

    /// Whether so much waits that no more may.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.saturating_add(self.under_way) >= self.bytes_max
    }

    /// So much was taken in.
    pub(super) fn take(&mut self, bytes: usize) {
        self.waiting = self.waiting.saturating_add(bytes);
    }

    /// What waits is being written.
    pub(super) fn begin_write(&mut self) {
        self.under_way = std::mem::take(&mut self.waiting);
    }

    /// The write under way came to its end: what it had is on the disk, or waits again.
    pub(super) fn end_write(&mut self, is_written: bool) {
        let bytes = std::mem::take(&mut self.under_way);
        if !is_written {
            self.take(bytes);
        }
    }

    /// Nothing waits: whatever was taken in need not be written, or is.
    pub(super) fn clear(&mut self) {
        self.waiting = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_full_at_its_bound_and_has_room_again_when_it_is_written() {
        let mut unwritten = Unwritten::new(10);
        unwritten.take(6);
        unwritten.begin_write();
        unwritten.take(3);
        assert!(!unwritten.is_full());
        unwritten.take(1);
        assert!(unwritten.is_full());
        unwritten.end_write(false);
        assert!(unwritten.is_full(), "a write that failed makes no room");
        unwritten.begin_write();
        unwritten.end_write(true);
        assert!(!unwritten.is_full());
        unwritten.take(10);
        unwritten.clear();
        assert!(!unwritten.is_full());
    }
}
