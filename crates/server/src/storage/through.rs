//! What a [`Storage`](super::Storage) that wraps another one hands on as it is: `through!(field: methods)`.

macro_rules! through {
    ($field:ident: $($method:ident),+) => {
        $($crate::storage::through::through!(@$method $field);)+
    };
    (@outline $field:ident) => {
        fn outline(
            &mut self,
            id: &cojson::ids::CoId,
        ) -> Result<Option<$crate::storage::Outline>, $crate::storage::LoadError> {
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
        ) -> Result<$crate::storage::Stretch, $crate::storage::LoadError> {
            self.$field.read(id, session, after, bytes_max)
        }
    };
    (@ids $field:ident) => {
        fn ids(
            &mut self,
            after: Option<&cojson::ids::CoId>,
            count_max: usize,
        ) -> Result<Vec<cojson::ids::CoId>, $crate::storage::LoadError> {
            self.$field.ids(after, count_max)
        }
    };
    (@count $field:ident) => {
        fn count(&mut self) -> Result<u64, $crate::storage::LoadError> {
            self.$field.count()
        }
    };
    (@stats $field:ident) => {
        fn stats(
            &mut self,
            largest_max: usize,
        ) -> Result<$crate::storage::Stats, $crate::storage::LoadError> {
            self.$field.stats(largest_max)
        }
    };
    (@write $field:ident) => {
        fn write(
            &mut self,
            batches: &[cojson::sync::WriteBatch],
        ) -> Vec<Result<(), $crate::storage::WriteError>> {
            self.$field.write(batches)
        }
    };
}

pub(crate) use through;
