//! What can be done with a resource of the admin API: a row of data.

use http::Method;

/// Things of one kind.
pub(crate) struct Resource {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// A single verb without a name is the resource's own command.
    pub(crate) verbs: &'static [Verb],
}

/// One thing to do with them.
#[derive(Clone, Copy)]
pub(crate) struct Verb {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) does: Does,
    /// Below `/admin/v1/`; `{}` is where the id stands.
    pub(crate) path: &'static str,
    /// What is given for `{}`.
    pub(crate) id: &'static str,
    /// Parameters of the query.
    pub(crate) filters: &'static [Flag],
    /// Members of the body that have a flag of their own.
    pub(crate) members: &'static [Flag],
    pub(crate) takes: Takes,
    pub(crate) gives: Gives,
}

/// The method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Read,
    Post,
    Patch,
    Put,
    Delete,
}

/// What is sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Nothing but flags.
    Flags,
    /// `--data` and `--set`.
    Members,
    /// A configuration.
    File,
    /// A configuration, or the gateway's own file.
    FileOrOwn,
}

/// What is answered, and how that is shown to people.
#[derive(Clone, Copy)]
pub(crate) enum Gives {
    /// Pages of rows: these columns.
    List(&'static [&'static str]),
    /// One object: a line for each member.
    One,
    /// Rows as they come: these columns.
    Events(&'static [&'static str]),
    /// What became of the configuration.
    Change,
    /// A text with facts about it.
    Text,
    /// An object whose member says whether all is well.
    Verdict(&'static str),
}

/// A flag with a value.
#[derive(Clone, Copy)]
pub(crate) struct Flag {
    /// As it is written, without dashes.
    pub(crate) flag: &'static str,
    /// As the API calls it.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) required: bool,
}

impl Flag {
    /// A flag that the API calls the same.
    pub(crate) const fn of(name: &'static str, about: &'static str) -> Self {
        Self {
            flag: name,
            name,
            about,
            required: false,
        }
    }

    /// A flag that the API writes otherwise.
    pub(crate) const fn named(flag: &'static str, name: &'static str, about: &'static str) -> Self {
        Self {
            flag,
            name,
            about,
            required: false,
        }
    }

    /// A flag that has to be there.
    pub(crate) const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }
}

impl Does {
    pub(crate) fn method(self) -> Method {
        match self {
            Self::Read => Method::GET,
            Self::Post => Method::POST,
            Self::Patch => Method::PATCH,
            Self::Put => Method::PUT,
            Self::Delete => Method::DELETE,
        }
    }
}

impl Verb {
    /// Any verb; it gives one object.
    pub(crate) const fn new(
        name: &'static str,
        does: Does,
        path: &'static str,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            about,
            does,
            path,
            id: "ID",
            filters: &[],
            members: &[],
            takes: Takes::Flags,
            gives: Gives::One,
        }
    }

    /// Pages of rows.
    pub(crate) const fn list(
        path: &'static str,
        filters: &'static [Flag],
        columns: &'static [&'static str],
    ) -> Self {
        Self {
            filters,
            gives: Gives::List(columns),
            ..Self::new("list", Does::Read, path, "List them")
        }
    }

    pub(crate) const fn get(path: &'static str) -> Self {
        Self::new("get", Does::Read, path, "Show one")
    }

    pub(crate) const fn create(path: &'static str) -> Self {
        Self::new("create", Does::Post, path, "Make one").takes(Takes::Members)
    }

    pub(crate) const fn update(path: &'static str) -> Self {
        Self::new(
            "update",
            Does::Patch,
            path,
            "Change members of one; the rest stays",
        )
        .takes(Takes::Members)
    }

    pub(crate) const fn delete(path: &'static str) -> Self {
        Self::new("delete", Does::Delete, path, "Delete one")
    }

    pub(crate) const fn named(self, name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            ..self
        }
    }

    pub(crate) const fn takes(self, takes: Takes) -> Self {
        Self { takes, ..self }
    }

    pub(crate) const fn gives(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }

    pub(crate) const fn filters(self, filters: &'static [Flag]) -> Self {
        Self { filters, ..self }
    }

    pub(crate) const fn members(self, members: &'static [Flag]) -> Self {
        Self { members, ..self }
    }

    pub(crate) const fn id(self, id: &'static str) -> Self {
        Self { id, ..self }
    }

    /// Whether one thing is named.
    pub(crate) fn takes_id(&self) -> bool {
        self.path.contains("{}")
    }

    /// Whether it can be made conditional on a version: what it changes has to have one.
    pub(crate) fn is_conditional(&self) -> bool {
        match (self.gives, self.does) {
            (Gives::Change, _) => !matches!(self.path, "config/validate" | "config/diff"),
            (_, Does::Put | Does::Patch) => true,
            (_, Does::Delete) => self.takes_id() && !self.path.starts_with("sessions"),
            _ => false,
        }
    }
}
