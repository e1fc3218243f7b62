//! One page of a list.

use ferrogate_storage::{Cursor, Listing, Page, Total};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::refusal::Refusal;

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// Always `list`.
    pub(crate) object: &'static str,
    /// The rows.
    pub(crate) data: Vec<T>,
    /// How many rows the whole list has.
    pub(crate) total: u64,
    /// Whether counting stopped there, because there are many more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) total_is_lower_bound: bool,
    /// At most this many rows are in a page.
    pub(crate) limit: u32,
    /// How many rows were left out before the first.
    pub(crate) offset: u32,
    /// What to give as `cursor` for the next page; nothing on the last one.
    pub(crate) next_cursor: Option<String>,
    /// What the rows come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<Value>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filters: Option<Value>,
}

/// How many rows a page of some list has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// When nobody says.
    pub(crate) default: u32,
    /// At most.
    pub(crate) most: u32,
}

impl Size {
    /// Of resources.
    pub(crate) const RESOURCES: Self = Self {
        default: 100,
        most: 1_000,
    };
    /// Of records of what happened.
    pub(crate) const RECORDS: Self = Self {
        default: 50,
        most: 200,
    };
    /// Of the use of keys.
    pub(crate) const USE: Self = Self {
        default: 20,
        most: 100,
    };

    /// What was asked for, held at the edges.
    pub(crate) fn of(self, asked: Option<u32>) -> u32 {
        asked.unwrap_or(self.default).clamp(1, self.most)
    }
}

/// Which rows were asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) limit: Option<u32>,
    pub(crate) offset: Option<u32>,
    pub(crate) cursor: Option<String>,
}

impl Asked {
    /// As a page of the store.
    pub(crate) fn page(&self, size: Size) -> Result<Page, Refusal> {
        let after: Option<Cursor> = self
            .cursor
            .as_deref()
            .map(|text| {
                text.parse().map_err(|error| {
                    Refusal::parameter(
                        "cursor",
                        format!("`cursor` {error}; leave it out to begin anew"),
                    )
                })
            })
            .transpose()?;
        Ok(Page {
            limit: size.of(self.limit),
            after,
            offset: self.offset.unwrap_or(0),
        })
    }
}

impl<T> List<T> {
    /// A page of rows that are all at hand, in the order of their ids: the cursor is the last id of the page before.
    pub(crate) fn of_all(mut all: Vec<(String, T)>, asked: &Asked, size: Size) -> Self {
        let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
        all.sort_by(|(left, _), (right, _)| left.cmp(right));
        let limit = size.of(asked.limit);
        let offset = asked.offset.unwrap_or(0);
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        let mut rest = all
            .into_iter()
            .filter(|(id, _)| asked.cursor.as_ref().is_none_or(|after| id > after))
            .skip(skip)
            .peekable();
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let page: Vec<_> = rest.by_ref().take(most).collect();
        let next_cursor = rest
            .peek()
            .and_then(|_| page.last().map(|(id, _)| id.clone()));
        Self {
            object: "list",
            data: page.into_iter().map(|(_, row)| row).collect(),
            total,
            total_is_lower_bound: false,
            limit,
            offset,
            next_cursor,
            summary: None,
            filters: None,
        }
    }

    /// A page that the store gave.
    pub(crate) fn of_listing<R>(
        listing: Listing<R>,
        page: Page,
        shown: impl FnMut(R) -> T,
    ) -> Self {
        let (total, total_is_lower_bound) = match listing.total {
            Total::Exactly(total) => (total, false),
            Total::AtLeast(total) => (total, true),
        };
        Self {
            object: "list",
            data: listing.rows.into_iter().map(shown).collect(),
            total,
            total_is_lower_bound,
            limit: page.limit,
            offset: page.offset,
            next_cursor: listing.next.map(|cursor| cursor.to_string()),
            summary: None,
            filters: None,
        }
    }
}

/// The parameters of a list: filters of its own, and those that every list has.
macro_rules! list_params {
    ($(#[$doc:meta])* $name:ident { $($(#[$meta:meta])* $field:ident : $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Deserialize, utoipa::IntoParams)]
        #[serde(deny_unknown_fields, default)]
        #[into_params(parameter_in = Query)]
        pub(crate) struct $name {
            $($(#[$meta])* pub(crate) $field: $kind,)*
            /// At most this many rows; more than the list's own bound is held there.
            #[param(minimum = 1)]
            limit: Option<u32>,
            /// Leave out this many rows.
            offset: Option<u32>,
            /// Begin after the page that answered this as `next_cursor`.
            cursor: Option<String>,
        }

        impl $name {
            pub(crate) fn asked(&self) -> crate::page::Asked {
                crate::page::Asked {
                    limit: self.limit,
                    offset: self.offset,
                    cursor: self.cursor.clone(),
                }
            }
        }
    };
}

pub(crate) use list_params;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_meet_and_do_not_overlap() {
        let all = || ["b", "a", "c"].map(|id| (id.to_owned(), id)).to_vec();
        let mut seen = Vec::new();
        let mut asked = Asked {
            limit: Some(2),
            ..Asked::default()
        };
        loop {
            let page = List::of_all(all(), &asked, Size::RESOURCES);
            assert_eq!(page.total, 3);
            seen.extend(page.data);
            match page.next_cursor {
                Some(cursor) => asked.cursor = Some(cursor),
                None => break,
            }
        }
        assert_eq!(seen, ["a", "b", "c"]);
        let page = List::of_all(
            all(),
            &Asked {
                offset: Some(5),
                ..Asked::default()
            },
            Size::RESOURCES,
        );
        assert!(page.data.is_empty() && page.next_cursor.is_none());
    }
}
