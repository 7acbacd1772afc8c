//! What a [`Storage`](super::Storage) that wraps another one hands on as it is: `through!(field: methods)`.

/// Implements methods of [`Storage`](crate::Storage) by handing them on to a field that is one.
#[macro_export]
macro_rules! through {
    ($field:ident: $($method:ident),+) => {
        $($crate::through!(@$method $field);)+
    };
    (@outline $field:ident) => {
        fn outline(
            &mut self,
            id: &cojson::ids::CoId,
        ) -> Result<Option<$crate::Outline>, $crate::LoadError> {
            self.$field.outline(id)
        }
    };
    (@read $field:ident) => {
        fn read(
            &mut self,
            id: &cojson::ids::CoId,
            session: &cojson::ids::SessionId,
            after: u32,
            bytes_max: usize,
        ) -> Result<$crate::Stretch, $crate::LoadError> {
            self.$field.read(id, session, after, bytes_max)
        }
    };
    (@ids $field:ident) => {
        fn ids(
            &mut self,
            after: Option<&cojson::ids::CoId>,
            count_max: usize,
        ) -> Result<Vec<cojson::ids::CoId>, $crate::LoadError> {
            self.$field.ids(after, count_max)
        }
    };
    (@count $field:ident) => {
        fn count(&mut self) -> Result<u64, $crate::LoadError> {
            self.$field.count()
        }
    };
    (@stats $field:ident) => {
        fn stats(
            &mut self,
            largest_max: usize,
        ) -> Result<$crate::Stats, $crate::LoadError> {
            self.$field.stats(largest_max)
        }
    };
    (@write $field:ident) => {
        fn write(
            &mut self,
            batches: &[cojson::sync::WriteBatch],
        ) -> Vec<Result<(), $crate::WriteError>> {
            self.$field.write(batches)
        }
    };
}
