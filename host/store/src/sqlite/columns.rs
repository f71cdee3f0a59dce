//! Columns of a table, stated once: their order is that of the select list, of the values of an insert, and of the indexes in a
//! row.

/// Defines the columns of a table as an enum. A variant reads its column from a row of the select list.
macro_rules! table_columns {
    ($(#[$doc:meta])* $columns:ident { $($column:ident = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) enum $columns { $($column),+ }

        impl $columns {
            /// The names of the columns, in order.
            pub(super) const NAMES: [&str; [$($name),+].len()] = [$($name),+];

            /// Reads the column from a row.
            pub(super) fn read<T: rusqlite::types::FromSql>(
                self,
                row: &rusqlite::Row<'_>,
            ) -> Result<T, cantus_model::ports::StoreError> {
                $crate::sqlite::query::column(row, self as usize)
            }
        }
    };
}

pub(super) use table_columns;

/// Returns the statement that inserts a row with these columns.
pub(super) fn insert_statement(table: &str, columns: &[&str]) -> String {
    format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), vec!["?"; columns.len()].join(", "))
}

/// Returns the list of these columns of the table with the name `alias`, as it follows SELECT.
pub(super) fn select_list(alias: &str, columns: &[&str]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| format!("{alias}.{column}")).collect();
    columns.join(", ")
}
